"""The two lanes: pieces of lines in, staged rows and quarantined lines out."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from llm_analytics.loading.fast_lane import JSON_NUMBER, Shape, clean_query, fast_query, quote_text
from llm_analytics.loading.landing import QUARANTINE
from llm_analytics.loading.policy import Policy
from llm_analytics.loading.scan import KEPT_BYTES, Line, Piece, PieceFiles
from llm_analytics.loading.slow_lane import Clean, Number, Rejected, StrictChecker, parse_object
from llm_analytics.loading.staging import Staging
from llm_analytics.privacy.tombstones import Tombstones
from llm_analytics.tracking_plan import Field, Stream

_SAMPLE_LINES = 500
# So few lines of a piece may be left to the slow lane before their shape is looked at.
_LEFT_LINES = 50
_LEFT_SHARE = 100
_NUMBER = re.compile(JSON_NUMBER)
_QUARANTINE = {k: v.replace(" not null", "") for k, v in QUARANTINE.items() if k != "load_seq"}


class _Worker(threading.local):
    """A thread's own connection to the working database."""

    cursor: duckdb.DuckDBPyConnection | None = None


class Lanes:
    """Sorts lines into staged rows and quarantined ones. Used from several threads."""

    def __init__(
        self,
        work: duckdb.DuckDBPyConnection,
        folder: Path,
        plan: dict[str, Stream],
        policy: Policy,
        latest: datetime,
        tombstones: Tombstones,
    ) -> None:
        self._work = work
        self._plan = plan
        self._policy = policy
        self._latest = latest
        self._checker = StrictChecker(plan, latest)
        self._shapes = {name: Shape() for name in plan}
        self._worker = _Worker()
        self._lock = threading.Lock()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self.files = PieceFiles(folder)
        self.staging = Staging(policy, tombstones)
        self._tombstones = tombstones
        self.erased: dict[int, int] = {}
        self.reasons: dict[str, int] = {}
        self.quarantined: dict[int, int] = {}
        typed = ", ".join(f"{name} {kind}" for name, kind in _QUARANTINE.items())
        work.execute(f"create table stage.quarantine ({typed})")

    def interrupt(self) -> None:
        """Stops what the threads are doing."""
        for cursor in self._cursors:
            cursor.interrupt()

    def close(self) -> None:
        """Closes the threads' connections."""
        for cursor in self._cursors:
            cursor.close()

    def fast(self, piece: Piece) -> None:
        """Stages what is certainly good of a piece; the rest goes through the slow lane."""
        stream = self._plan[piece.stream]
        if not self._shapes[stream.name].present:
            self._learn(stream, piece, range(piece.n_lines))
        shape = self._shapes[stream.name]
        table, bad = self._check(stream, shape, piece)
        while len(bad) > max(_LEFT_LINES, piece.n_lines // _LEFT_SHARE):
            self._learn(stream, piece, bad)
            if shape == self._shapes[stream.name]:
                break
            shape = self._shapes[stream.name]
            self._cursor().execute(f"drop table {table}")
            table, bad = self._check(stream, shape, piece)
        if bad:
            self._cursor().execute(f"delete from {table} where not is_good")
            self.slow(piece.lines(bad))
        self.files.give_back(piece.path)
        self.staging.add(self._cursor(), stream, table)

    def _check(self, stream: Stream, shape: Shape, piece: Piece) -> tuple[str, list[int]]:
        """A table of the checked lines of a piece, and the places of those that are not good."""
        cursor = self._cursor()
        files, numbers, _ = piece.origins()
        places = np.arange(1, piece.n_lines + 1)
        cursor.register("origin", {"place": places, "file_number": files, "line_number": numbers})
        query = fast_query(stream, shape, self._policy, self._latest, str(piece.path))
        table = self.staging.new_table()
        cursor.execute(f"create table {table} as {query}")
        n_read, n_good = cursor.execute(
            f"select count(n), count(*) filter (is_good) from {table}"
        ).fetchall()[0]
        if n_read != piece.n_lines:  # the reader and the scanner disagree: trust neither
            cursor.execute(f"update {table} set is_good = false")
            return table, list(range(piece.n_lines))
        if n_good == piece.n_lines:
            return table, []
        bad = cursor.execute(f"select n - 1 from {table} where not is_good order by n").fetchall()
        return table, [place for (place,) in bad]

    def _learn(self, stream: Stream, piece: Piece, places: Sequence[int]) -> None:
        """Notes what some of these lines show of their stream's shape."""
        seen = Shape()
        for line in piece.lines(places[:: -(-len(places) // _SAMPLE_LINES)]):
            try:
                seen |= _shape_of(stream, parse_object(line.raw))
            except Rejected:
                continue
        with self._lock:
            self._shapes[stream.name] |= seen

    def slow(self, lines: list[Line]) -> None:
        """Checks lines one by one: stages the good, quarantines the others."""
        accepted: dict[str, list[tuple[Line, Clean]]] = {}
        rejected: list[dict[str, Any]] = []
        for line in lines:
            try:
                if line.reason:
                    raise Rejected(line.reason, line.detail)
                clean = self._checker.check(line.raw, line.stream)
            except Rejected as verdict:
                if self._tombstones and self._tombstones.are_in(line.raw):
                    self._count_erased(line.file_number)
                    continue
                rejected.append(self._quarantine_row(line, verdict))
                continue
            accepted.setdefault(clean.stream, []).append((line, clean))
        for name, pairs in accepted.items():
            self._stage_clean(self._plan[name], pairs)
        if rejected:
            self._quarantine(rejected)

    def _stage_clean(self, stream: Stream, pairs: list[tuple[Line, Clean]]) -> None:
        """Stages events that the strict parser accepted."""
        names = {name for _, clean in pairs for name in clean.values}
        table = self.staging.new_table()
        records = (
            {**clean.values, "file_number": line.file_number, "line_number": line.line_number}
            for line, clean in pairs
        )
        with self._written(records) as path:
            query = clean_query(stream, names, self._policy, str(path))
            self._cursor().execute(f"create table {table} as {query}")
        self.staging.add(self._cursor(), stream, table)

    def _count_erased(self, file_number: int) -> None:
        with self._lock:
            self.erased[file_number] = self.erased.get(file_number, 0) + 1

    def _quarantine_row(self, line: Line, verdict: Rejected) -> dict[str, Any]:
        text = None
        if self._policy.lands_quarantined_text:
            kept = line.raw[:KEPT_BYTES].decode("utf-8", "backslashreplace")
            text = kept.replace("\0", "\\x00")
        return {
            "file_number": line.file_number,
            "line_number": line.line_number,
            "byte_offset": line.byte_offset,
            "stream": line.stream,
            "reason": str(verdict.reason),
            "detail": verdict.detail,
            "raw_text": text,
            "raw_sha256": self._policy.fingerprint(line.raw),
        }

    def _quarantine(self, rows: list[dict[str, Any]]) -> None:
        with self._written(rows) as path:
            self._cursor().execute(
                f"insert into stage.quarantine select * from read_json({quote_text(str(path))},"
                " format = 'newline_delimited', hive_partitioning = false,"
                f" columns = {_QUARANTINE})"
            )
        with self._lock:
            for row in rows:
                reason, number = row["reason"], row["file_number"]
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
                self.quarantined[number] = self.quarantined.get(number, 0) + 1

    @contextmanager
    def _written(self, records: Iterable[dict[str, Any]]) -> Iterator[Path]:
        """A file of records as JSON lines, for the engine to read."""
        path = self.files.take()
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)
        yield path
        self.files.give_back(path)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own connection to the working database."""
        if self._worker.cursor is None:
            cursor = self._worker.cursor = self._work.cursor()
            with self._lock:
                self._cursors.append(cursor)
        return self._worker.cursor


def _shape_of(stream: Stream, record: dict[str, Any]) -> Shape:
    """What one event shows of its stream's shape."""
    fields = {
        name: value
        for name, value in record.items()
        if value is not None and name in stream.by_name and name != "event"
    }
    quoted = {name for name, value in fields.items() if _needs_quotes(stream.by_name[name], value)}
    lacks_id = record.get("event_id") in (None, "")
    return Shape(frozenset(fields), frozenset(quoted), lacks_id)


def _needs_quotes(item: Field, value: Any) -> bool:
    """Whether only its quotes tell this value from one of another type."""
    if item.kind == "timestamp":
        return isinstance(value, Number)
    is_string = isinstance(value, str) and not isinstance(value, Number)
    return is_string and not item.is_text and _NUMBER.fullmatch(value) is not None
