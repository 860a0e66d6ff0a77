"""Write streams as JSON Lines, quickly and always the same bytes.

DuckDB makes the lines from the columns of a part of a stream, each part on one thread, which keeps
their order; several parts are made at a time and joined in order. Where parts are cut depends on
their rows alone, never on the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np

from . import texts
from .defects import MALFORMED, OUTCOMES, Emission, lines
from .incidents import DAY_MS
from .parameters import Defects
from .randomness import Integers
from .streams import Stream

ROWS_PER_PART = 100_000
#: A line is written as one CSV field that is never quoted: no line holds these characters.
_COPY = "(format csv, header false, quote '', escape '', delimiter e'\\x01')"


class Loads:
    """How arrivals are cut into folders: not at all, into a number of equal spans, or by days."""

    def __init__(self, start_ms: int, end_ms: int, loads: int | None, split_days: int | None):
        self.start_ms, self.end_ms = start_ms, end_ms
        self.loads, self.split_days = loads, split_days

    def number(self, arrival_ms: Integers) -> Integers:
        """Load of each arrival, from 0; what arrives after the window is in the last spans."""
        if self.split_days is not None:
            span = self.split_days * DAY_MS
            return np.maximum((arrival_ms - self.start_ms) // span, 0)
        if self.loads is not None:
            span = max((self.end_ms - self.start_ms) // self.loads, 1)
            return np.clip((arrival_ms - self.start_ms) // span, 0, self.loads - 1)
        return np.zeros(len(arrival_ms), dtype=np.int64)

    def folder(self, load: int) -> str:
        """Name of a load's folder; empty without loads."""
        is_cut = self.loads is not None or self.split_days is not None
        return f"load-{load + 1:03d}" if is_cut else ""


class Writer:
    """Writes streams into a folder; close it to stop its threads and its engine."""

    def __init__(self, folder: Path, loads: Loads, defects: Defects) -> None:
        self.folder, self.loads, self.defects = folder, loads, defects
        self._parts = folder / "parts"
        self._parts.mkdir()
        self._local = threading.local()
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4))

    def close(self) -> None:
        """Stop the threads, close the engines, and remove what is left of unfinished parts."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        shutil.rmtree(self._parts, ignore_errors=True)

    def write(self, stream: Stream, emission: Emission) -> dict[str, dict[str, int]]:
        """Write a stream's lines in order of arrival.

        Returns, for each file (its path within the folder), how many of its lines a loader has
        to accept, to see as duplicates and to quarantine. The outcome of a single file is only
        exact when files are loaded in order.
        """
        load = self.loads.number(emission.arrival_ms)
        jobs: list[tuple[Path, Path, slice]] = []
        counts: dict[str, dict[str, int]] = {}
        for number in np.unique(load):
            # Arrivals are in order, so the lines of a load are next to each other.
            first, last = np.searchsorted(load, [number, number + 1])
            target = self.folder / self.loads.folder(int(number)) / f"{stream.name}.jsonl"
            target.parent.mkdir(exist_ok=True)
            variants = np.bincount(emission.variant[first:last], minlength=len(OUTCOMES))
            outcome = {"lines": int(last - first), "accepted": 0, "duplicate": 0, "quarantined": 0}
            for variant, n in enumerate(variants):
                outcome[OUTCOMES[variant]] += int(n)
            counts[target.relative_to(self.folder).as_posix()] = outcome
            for start in range(int(first), int(last), ROWS_PER_PART):
                part = self._parts / f"{stream.name}-{start}.jsonl"
                jobs.append((target, part, slice(start, min(start + ROWS_PER_PART, int(last)))))
        written = self._pool.map(lambda job: self._write_part(stream, emission, job), jobs)
        for (target, part, _), _ in zip(jobs, written, strict=True):
            with target.open("ab") as whole, part.open("rb") as piece:
                shutil.copyfileobj(piece, whole, 1 << 20)
            part.unlink()
        return counts

    def _write_part(
        self, stream: Stream, emission: Emission, job: tuple[Path, Path, slice]
    ) -> None:
        _, path, rows = job
        columns = lines(self.defects, stream.events, emission, rows)
        is_spoilt = bool((emission.variant[rows] == MALFORMED).any())
        connection = self._connection()
        connection.register("part", columns)
        try:
            connection.execute(_statement(stream, path, is_spoilt))
        finally:
            connection.unregister("part")

    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection: duckdb.DuckDBPyConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = duckdb.connect(config={"threads": 1, "memory_limit": "1GB"})
            connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = true")
            entries = [json.dumps(text, ensure_ascii=False)[1:-1] for text in texts.paragraphs()]
            # A list and no table: a join may hand back the lines in another order.
            connection.execute(
                "set variable paragraphs = (select string_split(?, chr(10)))", ["\n".join(entries)]
            )
            self._local.connection = connection
            self._connections.append(connection)
        return connection


def _statement(stream: Stream, path: Path, is_spoilt: bool) -> str:
    """SQL that writes the registered part of a stream into a file."""
    fragments = ",\n".join(stream.fragments)
    line = f"concat('{{\"event\":\"{stream.event}\"', {fragments}, '}}')"
    query = f"select {line} as line from part"
    if is_spoilt:
        # A part of a JSON object that lacks its end is never valid JSON.
        cut = "left(line, 10 + cast(floor(cut * (length(line) - 11)) as integer))"
        query = (
            f"select case when cut >= 0 then {cut} else line end"
            f" from (select {line} as line, cut from part)"
        )
    target = path.as_posix().replace("'", "''")
    return f"copy ({query}) to '{target}' {_COPY}"
