"""One load: scan the files, check the lines in two lanes, land the result in one transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.interrupts import ignore_interrupts, interrupts_as_before
from llm_analytics.lake.landing import LakeTarget
from llm_analytics.lake.storage import Storage, find_storage
from llm_analytics.loading import landing
from llm_analytics.loading.inputs import Content, InputFile, find_inputs
from llm_analytics.loading.landing import DuckDbTarget, FileReport, PostgresTarget, Target
from llm_analytics.loading.lanes import Lanes
from llm_analytics.loading.policy import Policy
from llm_analytics.loading.reading import json_blocks
from llm_analytics.loading.scan import Counts, Scanner
from llm_analytics.loading.unpacking import FlatRecords
from llm_analytics.privacy.tombstones import Tombstones
from llm_analytics.scratch import scratch_folder
from llm_analytics.sources.base import Context, Source
from llm_analytics.tracking_plan import Stream
from llm_analytics.warehouse import (
    Warehouse,
    confine,
    explain_duckdb_error,
    named_lake,
    open_duckdb,
)

_SLOW_BYTES = 8 << 20
_SLOW_LINES = 20_000
_CLOCK_SKEW = timedelta(hours=24)


@dataclass(frozen=True)
class LoadOptions:
    """How to load. memory_limit is DuckDB's (None: its default), threads are those of one query.

    A lake is what to load into instead of the warehouse: a folder or a URL.
    """

    policy: Policy = field(default_factory=Policy)
    stream: str | None = None
    memory_limit: str | None = None
    threads: int | None = None
    lake: str | None = field(default_factory=named_lake)


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    load_seq: int
    loaded_at: datetime
    source: str
    policy: str
    is_keyed: bool
    files: list[FileReport]
    reasons: dict[str, int]
    landed: dict[str, int]

    @property
    def n_quarantined(self) -> int:
        """Lines quarantined in all files."""
        return sum(file.n_quarantined for file in self.files)

    @property
    def n_erased(self) -> int:
        """Lines of people who were erased, in all files."""
        return sum(file.n_erased for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "loaded_at": self.loaded_at.isoformat() + "Z"}


Progress = Callable[[InputFile, int], None]


def _no_progress(item: InputFile, n_bytes: int) -> None:
    return


def open_work(
    warehouse: Warehouse, folder: Path, options: LoadOptions, lake: Storage | None = None
) -> duckdb.DuckDBPyConnection:
    """The database that parses and stages; it reaches its own files, the folder and the lake."""
    spill = folder / "spill"
    settings: dict[str, Any] = {
        "temp_directory": str(spill),
        "preserve_insertion_order": "false",
        # Each worker writes what is to be read next over what was read before.
        "enable_external_file_cache": "false",
        # Whole row groups go to the file at once instead of through memory and the log.
        "write_buffer_row_group_count": "1",
    }
    if options.memory_limit:
        settings["memory_limit"] = options.memory_limit
    # The pieces run side by side already; more threads a query would mostly wait for each other.
    settings["threads"] = options.threads or 1
    is_file = not warehouse.is_postgres and lake is None
    location = warehouse.location if is_file else ":memory:"
    if is_file and not Path(location).absolute().parent.is_dir():
        raise LlmAnalyticsError(f"no such folder: {Path(location).absolute().parent}")
    work = open_duckdb(location, settings=settings)
    work.execute("attach ':memory:' as stage")
    allowed = [str(folder)]
    if lake is not None:
        lake.open_for(work)
        allowed.append(lake.location)
    confine(work, allowed)
    return work


def load(
    source: Source,
    paths: Iterable[str],
    warehouse: Warehouse,
    options: LoadOptions | None = None,
    progress: Progress = _no_progress,
) -> LoadReport:
    """Loads files into the warehouse: all of it or, on any error, nothing.

    Raises LlmAnalyticsError.
    """
    options = options or LoadOptions()
    plan = source.streams
    if options.stream is not None and options.stream not in plan:
        raise LlmAnalyticsError(f"unknown stream {options.stream!r}; known: {', '.join(plan)}")
    if options.stream is not None and source.unpacker is not None:
        raise LlmAnalyticsError(f"--stream is for events: a record of {source.name} says its own")
    inputs = find_inputs(paths, {} if source.unpacker else plan, options.stream)
    lake = find_storage(options.lake) if options.lake else None
    work: duckdb.DuckDBPyConnection | None = None
    with interrupts_as_before(), scratch_folder() as folder:
        try:
            work = open_work(warehouse, folder, options, lake)
            return _load(source, plan, inputs, warehouse, lake, work, folder, options, progress)
        except (duckdb.Error, OSError) as error:
            raise explain_duckdb_error(error, lake.location if lake else warehouse.label) from error
        finally:
            if work is not None:
                work.close()


def _load(
    source: Source,
    plan: dict[str, Stream],
    inputs: list[InputFile],
    warehouse: Warehouse,
    lake: Storage | None,
    work: duckdb.DuckDBPyConnection,
    folder: Path,
    options: LoadOptions,
    progress: Progress,
) -> LoadReport:
    loaded_at = datetime.now(UTC).replace(tzinfo=None)
    target: Target
    if lake is not None:
        target = LakeTarget(lake, work, folder)
    elif warehouse.is_postgres:
        target = PostgresTarget(warehouse, work, folder)
    else:
        target = DuckDbTarget(work)
    try:
        tombstones = Tombstones.read(target, options.policy)
        lanes = Lanes(work, folder, plan, options.policy, loaded_at + _CLOCK_SKEW, tombstones)
        try:
            files = _check_all(source, options.policy, inputs, lanes, work, folder, progress)
            streams = lanes.staging.finish(work, plan)
        finally:
            lanes.close()
        target.begin()
        try:
            if len(Tombstones.read(target, options.policy)) != len(tombstones):
                raise LlmAnalyticsError("somebody was erased meanwhile; load again")
            report = _land(source, plan, streams, files, lanes, target, loaded_at, options.policy)
        except BaseException:
            target.rollback()
            raise
        ignore_interrupts()
        target.commit()
        return report
    finally:
        target.close()


def _check_all(
    source: Source,
    policy: Policy,
    inputs: list[InputFile],
    lanes: Lanes,
    work: duckdb.DuckDBPyConnection,
    folder: Path,
    progress: Progress,
) -> list[FileReport]:
    """Runs all files through the lanes; returns what was counted while reading."""
    plan = source.streams
    scanner = Scanner({stream.event: name for name, stream in plan.items()}, lanes.files)
    files: list[FileReport] = []
    n_workers = max(1, min(4, os.cpu_count() or 1))
    pool = ThreadPoolExecutor(n_workers)
    pending: set[Future[None]] = set()

    def submit(task: Callable[[Any], None], argument: object) -> None:
        nonlocal pending
        pending.add(pool.submit(task, argument))
        if len(pending) > n_workers:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()

    try:
        for item in inputs:
            content, counts = Content(item), Counts()
            blocks = json_blocks(item, content, folder, plan, counts.verdicts, work)
            if source.unpacker is not None:
                counts.verdicts, natives = {}, counts.verdicts
                context = Context(item.name, policy, item.format == ".csv")
                flat = FlatRecords(source, context, natives, counts.verdicts)
                blocks = flat.blocks(blocks, item.format)
            for piece in scanner.scan(item, blocks, counts):
                submit(lanes.fast, piece)
                progress(item, content.n_bytes)
                if scanner.slow_bytes > _SLOW_BYTES or len(scanner.slow) > _SLOW_LINES:
                    submit(lanes.slow, scanner.take_slow())
            progress(item, content.n_bytes)
            files.append(
                FileReport(
                    item.number,
                    item.name,
                    content.sha256,
                    content.n_bytes,
                    counts.n_lines,
                    counts.n_blank,
                )
            )
        for piece in scanner.full_pieces(is_end=True):
            submit(lanes.fast, piece)
        submit(lanes.slow, scanner.take_slow())
        for future in pending:
            future.result()
    except BaseException:
        lanes.interrupt()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return files


def _land(
    source: Source,
    plan: dict[str, Stream],
    streams: list[Stream],
    files: list[FileReport],
    lanes: Lanes,
    target: Target,
    loaded_at: datetime,
    policy: Policy,
) -> LoadReport:
    """Lands what is staged, counts it, and checks that no line was lost."""
    landing.ensure_tables(target, source.name, list(plan.values()))
    load_seq = landing.next_load_seq(target)
    by_number = {file.file_number: file for file in files}
    landed: dict[str, int] = {}
    for stream in streams:
        rows, duplicates = landing.land_stream(target, source.name, stream, load_seq)
        for number, count in rows.items():
            by_number[number].n_accepted += count - duplicates.get(number, 0)
            by_number[number].n_duplicates += duplicates.get(number, 0)
        if rows:
            landed[stream.name] = sum(rows.values()) - sum(duplicates.values())
    for number, count in lanes.quarantined.items():
        by_number[number].n_quarantined = count
    for erased in (lanes.erased, lanes.staging.erased):
        for number, count in erased.items():
            by_number[number].n_erased += count
    landing.land_quarantine(target, load_seq)
    for file in files:
        total = file.n_blank + file.n_accepted + file.n_duplicates + file.n_quarantined
        total += file.n_erased
        if total != file.n_lines:
            raise LlmAnalyticsError(
                f"{file.file_name}: {file.n_lines} lines but {total} accounted for; nothing was"
                " changed (please report this)"
            )
    landing.log_load(target, load_seq, loaded_at, source.name, policy, files)
    return LoadReport(
        load_seq,
        loaded_at,
        source.name,
        policy.label,
        policy.id_key is not None,
        files,
        dict(sorted(lanes.reasons.items())),
        landed,
    )
