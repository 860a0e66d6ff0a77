"""One load: scan the files, check the lines in two lanes, land the result in one transaction."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading import landing
from llm_analytics.loading.fast_lane import Shape, clean_query, fast_query, quote_name, quote_text
from llm_analytics.loading.formats import array_lines, csv_lines, is_array
from llm_analytics.loading.inputs import LINE_FORMATS, Content, InputFile, find_inputs
from llm_analytics.loading.landing import DuckDbTarget, FileReport, PostgresTarget, Target
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.loading.reasons import Reason
from llm_analytics.loading.redaction import redact
from llm_analytics.loading.scan import KEPT_BYTES, Counts, Line, Piece, Scanner
from llm_analytics.loading.slow_lane import Clean, Number, Rejected, StrictChecker, parse_object
from llm_analytics.loading.sources import Source
from llm_analytics.loading.text_features import TextFeatures
from llm_analytics.tracking_plan import Stream
from llm_analytics.warehouse import Warehouse, explain_duckdb_error, open_duckdb

_SAMPLE_LINES = 200
_SLOW_BYTES = 8 << 20
_SLOW_LINES = 20_000
_CLOCK_SKEW = timedelta(hours=24)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LoadOptions:
    """How to load. memory_limit is DuckDB's (None: its default), threads are those of one query."""

    policy: Policy = field(default_factory=Policy)
    stream: str | None = None
    memory_limit: str | None = None
    threads: int | None = None


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

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "loaded_at": self.loaded_at.isoformat() + "Z"}


Progress = Callable[[InputFile, int], None]


def _no_progress(item: InputFile, n_bytes: int) -> None:
    return


class _Landing:
    """The lanes: pieces in, staged rows and quarantined lines out. Used from several threads."""

    def __init__(
        self,
        work: duckdb.DuckDBPyConnection,
        folder: Path,
        plan: dict[str, Stream],
        policy: Policy,
        latest: datetime,
    ) -> None:
        self._work = work
        self._folder = folder
        self._plan = plan
        self._policy = policy
        self._latest = latest
        self._checker = StrictChecker(plan, latest)
        self._shapes = {name: Shape() for name in plan}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._names = itertools.count()
        self._pseudonyms: dict[str, str] = {}
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self.reasons: dict[str, int] = {}
        self.quarantined: dict[int, int] = {}
        self._pieces: dict[str, list[str]] = {name: [] for name in plan}
        columns = {k: v.replace(" not null", "") for k, v in landing.QUARANTINE.items()}
        del columns["load_seq"]
        typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        work.execute(f"create table stage.quarantine ({typed})")

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own connection to the working database."""
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._work.cursor()
            self._local.features = TextFeatures(self._policy.id_key)
            with self._lock:
                self._cursors.append(cursor)
        return cursor

    def interrupt(self) -> None:
        """Stops what the threads are doing."""
        for cursor in self._cursors:
            cursor.interrupt()

    def close(self) -> None:
        """Closes the threads' connections."""
        for cursor in self._cursors:
            cursor.close()

    def _path(self) -> Path:
        return self._folder / f"{next(self._names)}.jsonl"

    def fast(self, piece: Piece) -> None:
        """Stages what is certainly good of a piece; the rest goes through the slow lane."""
        cursor = self._cursor()
        stream = self._plan[piece.stream]
        path = self._path()
        with path.open("wb") as file:
            file.writelines(piece.parts)
        self._learn(stream, self._sample(piece))
        table = f"{stream.name}_{next(self._names)}"
        for attempt in (1, 2):
            shape = self._shapes[stream.name]
            query = fast_query(stream, shape, self._policy, self._latest, str(path))
            cursor.execute(f"create or replace table stage.{table} as {query}")
            n_rows = cursor.execute(f"select count(*) from stage.{table}").fetchall()[0][0]
            if n_rows != piece.n_lines:  # the reader and the scanner disagree: trust neither
                bad = list(range(piece.n_lines))
                break
            rows = cursor.execute(f"select n - 1 from stage.{table} where not is_good").fetchnumpy()
            bad = next(iter(rows.values())).tolist()
            if attempt == 2 or len(bad) <= max(50, piece.n_lines // 100):
                break
            sample = bad[:: -(-len(bad) // _SAMPLE_LINES)]
            if not self._learn(stream, piece.lines(sample)):
                break
        path.unlink()
        if len(bad) < piece.n_lines:
            self._stage(stream, table, *piece.origin_arrays()[:2])
        else:
            cursor.execute(f"drop table stage.{table}")
        if bad:
            self.slow(piece.lines(sorted(bad)))

    def _sample(self, piece: Piece) -> list[Line]:
        """The first lines of a piece, when its stream was not seen before."""
        if self._shapes[piece.stream].present:
            return []
        return piece.lines(range(min(piece.n_lines, _SAMPLE_LINES)))

    def _learn(self, stream: Stream, lines: Iterable[Line]) -> bool:
        """Notes which fields occur and which ids look like numbers; True if that was news."""
        present: set[str] = set()
        number_like: set[str] = set()
        lacks_ids = False
        for line in lines:
            try:
                record = parse_object(line.raw)
            except Rejected:
                continue
            lacks_ids |= record.get("event_id") in (None, "")
            for name, value in record.items():
                if value is None or name not in stream.by_name or name == "event":
                    continue
                present.add(name)
                is_text = isinstance(value, str) and not isinstance(value, Number)
                if is_text and value and not value.strip("-+.0123456789eE"):
                    number_like.add(name)
        with self._lock:
            shape = self._shapes[stream.name]
            learned = Shape(
                shape.present | present,
                shape.number_like | number_like,
                shape.lacks_ids or lacks_ids,
            )
            if learned == shape:
                return False
            self._shapes[stream.name] = learned
        return True

    def slow(self, lines: list[Line]) -> None:
        """Checks lines one by one: stages the good, quarantines the others."""
        accepted: dict[str, list[tuple[Line, Clean]]] = {}
        rejected: list[dict[str, Any]] = []
        for line in lines:
            try:
                if line.reason:
                    raise Rejected(line.reason)
                clean = self._checker.check(line.raw, line.stream)
            except Rejected as verdict:
                rejected.append(self._quarantine_row(line, verdict))
                continue
            accepted.setdefault(clean.stream, []).append((line, clean))
        for name, pairs in accepted.items():
            self._stage_clean(self._plan[name], pairs)
        if rejected:
            self._quarantine(rejected)

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
        path = self._path()
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        columns = {k: v.replace(" not null", "") for k, v in landing.QUARANTINE.items()}
        del columns["load_seq"]
        self._cursor().execute(
            f"insert into stage.quarantine select * from read_json({quote_text(str(path))},"
            f" format = 'newline_delimited', hive_partitioning = false, columns = {columns})"
        )
        path.unlink()
        with self._lock:
            for row in rows:
                reason, number = row["reason"], row["file_number"]
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
                self.quarantined[number] = self.quarantined.get(number, 0) + 1

    def _stage_clean(self, stream: Stream, pairs: list[tuple[Line, Clean]]) -> None:
        """Stages events that the strict parser accepted."""
        path = self._path()
        names: set[str] = set()
        with path.open("w", encoding="utf-8") as file:
            for _, clean in pairs:
                names |= clean.values.keys()
                file.write(json.dumps(clean.values, ensure_ascii=False) + "\n")
        query = clean_query(stream, names, self._policy, str(path))
        table = f"{stream.name}_{next(self._names)}"
        self._cursor().execute(f"create table stage.{table} as {query}")
        path.unlink()
        files = np.array([line.file_number for line, _ in pairs], dtype=np.int32)
        numbers = np.array([line.line_number for line, _ in pairs], dtype=np.int64)
        self._stage(stream, table, files, numbers)

    def _stage(self, stream: Stream, table: str, files: Int32s, numbers: Int64s) -> None:
        """Completes a staged table of rows: where each came from, and what its text gives."""
        cursor = self._cursor()
        have = {row[0] for row in cursor.execute(f"describe stage.{table}").fetchall()}
        n = len(files)
        extra: dict[str, npt.NDArray[Any]] = {
            "n": np.arange(1, n + 1, dtype=np.int64),
            "file_number": files,
            "line_number": numbers,
        }
        text = stream.text_field
        if text and text.name in have:
            extra |= self._text_columns(stream, table, text.name, n)
            if self._policy.text is not TextPolicy.KEEP:
                cursor.execute(f"alter table stage.{table} drop column {quote_name(text.name)}")
                have.discard(text.name)
        cursor.register("extra", extra)
        cursor.execute(f"create table stage.{table}_extra as select * from extra")
        cursor.unregister("extra")
        if self._policy.id_key is not None:
            self._make_pseudonyms(stream, table, have)
        with self._lock:
            self._pieces[stream.name].append(self._piece_select(stream, table, have, extra.keys()))

    def _text_columns(
        self, stream: Stream, table: str, name: str, n: int
    ) -> dict[str, npt.NDArray[Any]]:
        """What is computed from the texts of a staged table, by row; a count of -1 is no text."""
        extra: dict[str, npt.NDArray[Any]] = {}
        found = (
            self._cursor()
            .execute(
                f"select n, {quote_name(name)} as t from stage.{table}"
                f" where is_good and {quote_name(name)} is not null"
            )
            .fetchnumpy()
        )
        rows, texts = found["n"] - 1, found["t"].tolist()
        if stream.has_signature:
            columns = ("text_word_count", "text_signature_1", "text_signature_2")
            for column, values in zip(columns, self._local.features.signatures(texts), strict=True):
                extra[column] = np.full(n, -1, dtype=np.int64)
                extra[column][rows] = values
        if self._policy.text is TextPolicy.REDACT:
            redacted = np.full(n, "", dtype=object)
            redacted[rows] = [redact(text) for text in texts]
            extra["redacted"] = redacted
            extra["has_text"] = np.zeros(n, dtype=np.bool_)
            extra["has_text"][rows] = True
        return extra

    def _piece_select(
        self, stream: Stream, table: str, have: Iterable[str], extra: Iterable[str]
    ) -> str:
        """SQL of the rows of a staged table with all landed columns, under the policy."""
        joins = [f"positional join stage.{table}_extra as x"]
        values = []
        for name, kind in _landed(stream).items():
            item = stream.by_name.get(name)
            if name in ("file_number", "line_number"):
                value = f"x.{name}"
            elif name == "text_word_count" and name in extra:
                value = "case when x.text_word_count >= 0 then x.text_word_count end"
            elif name.startswith("text_signature") and name in extra:
                value = f"case when x.text_word_count > 0 then x.{name} end"
            elif item and item.is_text and "redacted" in extra:
                value = "case when x.has_text then x.redacted end"
            elif name not in have:
                value = f"cast(null as {kind})"
            elif item and item.is_identifier and self._policy.id_key is not None:
                alias = f"k{len(joins)}"
                joins.append(
                    f"left join stage.pseudonyms as {alias} on {alias}.v = p.{quote_name(name)}"
                )
                value = f"{alias}.keyed"
            else:
                value = f"p.{quote_name(name)}"
            values.append(f"{value} as {quote_name(name)}")
        return (
            f"select {', '.join(values)} from stage.{table} as p {' '.join(joins)} "
            "where p.is_good and p.n = x.n"
        )

    def _make_pseudonyms(self, stream: Stream, table: str, have: Iterable[str]) -> None:
        """Makes the keyed hash of each identifier of a staged table, once per distinct value."""
        names = [item.name for item in stream.fields if item.is_identifier and item.name in have]
        if not names:
            return
        union = " union ".join(
            f"select {quote_name(name)} as v from stage.{table} where is_good" for name in names
        )
        for (value,) in self._cursor().execute(union).fetchall():
            if value is not None and value not in self._pseudonyms:
                self._pseudonyms[value] = self._policy.pseudonym(value)

    def finish(self) -> list[Stream]:
        """Makes what is staged readable as one relation a stream; returns the streams with rows.

        `stage.<stream>` has the landed columns, `stage.<stream>_ids` the event ids alone.
        """
        if self._policy.id_key is not None:
            names = np.array([*self._pseudonyms, ""], dtype=object)
            keyed = np.array([*self._pseudonyms.values(), ""], dtype=object)
            self._work.register("pseudonyms", {"v": names, "keyed": keyed})
            self._work.execute("create table stage.pseudonyms as select * from pseudonyms")
            self._work.unregister("pseudonyms")
        streams = []
        for name, selects in self._pieces.items():
            if selects:
                streams.append(self._plan[name])
                rows = " union all ".join(selects)
                ids = " union all ".join(
                    "select p.event_id from "
                    + re.sub(r" positional join .* where .*", " where p.is_good", s)
                    for s in (select.split(" from ", 1)[1] for select in selects)
                )
                self._work.execute(f"create view stage.{name} as {rows}")
                self._work.execute(f"create view stage.{name}_ids as {ids}")
        return streams


def _landed(stream: Stream) -> dict[str, str]:
    """The columns of a stream's rows before they have the number of their load, and their types."""
    columns = stream.landed_columns()
    return {k: v.replace(" not null", "") for k, v in columns.items() if k != "load_seq"}


def _blocks(
    item: InputFile,
    content: Content,
    lanes: _Landing,
    folder: Path,
    plan: dict[str, Stream],
    verdicts: dict[int, Reason],
    work: duckdb.DuckDBPyConnection,
) -> Iterator[bytes]:
    """The content as blocks of JSON lines, whatever its format."""
    source = content.blocks()
    head = next(source, b"")
    source = itertools.chain([head] if head else [], source)
    if item.format == ".csv":
        return csv_lines(source, plan.get(item.stream or ""), verdicts)
    if head.startswith(b"PAR1"):
        return _parquet_lines(item, source, folder, work)
    if item.format in (".parquet", ".pq") and head:
        raise LlmAnalyticsError(f"{item.name} is not a Parquet file")
    if item.format not in LINE_FORMATS and is_array(head):
        return array_lines(source)
    return source


def _parquet_lines(
    item: InputFile, blocks: Iterator[bytes], folder: Path, work: duckdb.DuckDBPyConnection
) -> Iterator[bytes]:
    """The rows of a Parquet file as JSON lines."""
    copy, lines = folder / "input.parquet", folder / "input.jsonl"
    with copy.open("wb") as file:
        file.writelines(blocks)
    cursor = work.cursor()
    try:
        cursor.execute(
            f"copy (select * from read_parquet({quote_text(str(copy))}, hive_partitioning = false,"
            f" file_row_number = false)) to {quote_text(str(lines))}"
            " (format json, timestampformat '%Y-%m-%dT%H:%M:%S.%fZ')"
        )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        first = str(error).splitlines()[0].replace(str(copy), item.name)
        raise LlmAnalyticsError(f"{item.name} cannot be read as Parquet: {first}") from error
    finally:
        cursor.close()
        copy.unlink()
    with lines.open("rb") as stream:
        while block := stream.read(1 << 20):
            yield block
    lines.unlink()


def open_work(
    warehouse: Warehouse, folder: Path, options: LoadOptions
) -> duckdb.DuckDBPyConnection:
    """The database that parses and stages; it reaches its own files and the folder only."""
    spill = folder / "spill"
    settings: dict[str, Any] = {
        "temp_directory": str(spill),
        "preserve_insertion_order": "false",
    }
    if options.memory_limit:
        settings["memory_limit"] = options.memory_limit
    # The pieces run side by side already; more threads a query would mostly wait for each other.
    settings["threads"] = options.threads or 1
    location = ":memory:" if warehouse.is_postgres else warehouse.location
    if not warehouse.is_postgres and not Path(location).absolute().parent.is_dir():
        raise LlmAnalyticsError(f"no such folder: {Path(location).absolute().parent}")
    work = open_duckdb(location, settings=settings)
    work.execute("attach ':memory:' as stage")
    work.execute(f"set allowed_directories = [{quote_text(str(folder) + '/')}]")
    work.execute("set enable_external_access = false")
    work.execute("set lock_configuration = true")
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
    plan = source.streams()
    if options.stream is not None and options.stream not in plan:
        raise LlmAnalyticsError(f"unknown stream {options.stream!r}; known: {', '.join(plan)}")
    inputs = find_inputs(paths, plan, options.stream)
    folder = Path(tempfile.mkdtemp(prefix="llm_analytics_load_"))
    work: duckdb.DuckDBPyConnection | None = None
    try:
        work = open_work(warehouse, folder, options)
        return _load(source, plan, inputs, warehouse, work, folder, options, progress)
    except (duckdb.Error, OSError) as error:
        raise explain_duckdb_error(error, warehouse.label) from error
    finally:
        if work is not None:
            work.close()
        shutil.rmtree(folder, ignore_errors=True)


def _load(
    source: Source,
    plan: dict[str, Stream],
    inputs: list[InputFile],
    warehouse: Warehouse,
    work: duckdb.DuckDBPyConnection,
    folder: Path,
    options: LoadOptions,
    progress: Progress,
) -> LoadReport:
    loaded_at = datetime.now(UTC).replace(tzinfo=None)
    target: Target = (
        PostgresTarget(warehouse, work, folder) if warehouse.is_postgres else DuckDbTarget(work)
    )
    try:
        lanes = _Landing(work, folder, plan, options.policy, loaded_at + _CLOCK_SKEW)
        try:
            files = _check_all(plan, inputs, lanes, work, folder, progress)
            streams = lanes.finish()
        finally:
            lanes.close()
        target.begin()
        try:
            report = _land(source, plan, streams, files, lanes, target, loaded_at, options.policy)
        except BaseException:
            target.rollback()
            raise
        target.commit()
        return report
    finally:
        target.close()


def _check_all(
    plan: dict[str, Stream],
    inputs: list[InputFile],
    lanes: _Landing,
    work: duckdb.DuckDBPyConnection,
    folder: Path,
    progress: Progress,
) -> list[FileReport]:
    """Runs all files through the lanes; returns what was counted while reading."""
    scanner = Scanner({stream.event: name for name, stream in plan.items()})
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
            verdicts: dict[int, Reason] = {}
            blocks = _blocks(item, content, lanes, folder, plan, verdicts, work)
            counts.verdicts = verdicts
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
    lanes: _Landing,
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
    landing.land_quarantine(target, load_seq)
    for file in files:
        total = file.n_blank + file.n_accepted + file.n_duplicates + file.n_quarantined
        if total != file.n_lines:
            raise LlmAnalyticsError(
                f"{file.file_name}: {file.n_lines} lines but {total} accounted for; nothing was"
                " changed (please report this)"
            )
    is_keyed = policy.id_key is not None
    landing.log_load(target, load_seq, loaded_at, source.name, str(policy.text), is_keyed, files)
    return LoadReport(
        load_seq,
        loaded_at,
        source.name,
        str(policy.text),
        is_keyed,
        files,
        dict(sorted(lanes.reasons.items())),
        landed,
    )
