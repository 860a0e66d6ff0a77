"""Erases people from a warehouse down to the bytes, in steps that can be taken up again.

1. delete: one transaction writes the tombstones, deletes the raw rows and the refused lines that
   name the people, and notes the erasure.
2. build: all models from nothing, so that every table is what it would be without the people.
3. rewrite: DuckDB leaves deleted bytes in its file, so that all tables are copied into a new one,
   which takes the place of the old; PostgreSQL rewrites each raw table (VACUUM FULL).
4. clean: what was made from the warehouse goes: published copies with their rollbacks, the schema
   published to PostgreSQL, compiled SQL, artifacts and logs.

Where raw events are in a lake, the first step is done there (lake/erasure.py).

raw.erasures says which step each erasure has done; the next call goes on from there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.backup import copies_of
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.lake.erasure import (
    LakeErasure,
    finish_erasures,
    note_erasure,
    noted_erasures,
)  # fmt: skip
from llm_analytics.lake.purging import finish_purges
from llm_analytics.lake.reading import open_lake
from llm_analytics.lake.storage import find_storage
from llm_analytics.loading.fast_lane import quote_name, quote_text
from llm_analytics.loading.landing import DuckDbTarget, PostgresTarget, Target
from llm_analytics.loading.policy import Policy
from llm_analytics.privacy.policy import Policy as PrivacyPolicy
from llm_analytics.privacy.subjects import (
    SCHEMA,
    Subject,
    find_subject,
    forms_of,
    has_table,
    naming_lines,
)  # fmt: skip
from llm_analytics.privacy.tombstones import add_tombstones, ensure_tables, known_keys
from llm_analytics.publishing.postgres import drop_postgres
from llm_analytics.run import build
from llm_analytics.warehouse import (
    Warehouse,
    confine,
    named_lake,
    open_duckdb,
    open_postgres,
    project_root,
)

STEPS = ("deleted", "built", "rewritten", "cleaned")
_REMOVED_DBT = ("compiled", "run")
_REMOVED_DBT_FILES = ("*.json", "*.msgpack", "*.gpickle", "*.html")
Note = Callable[[str], None]


@dataclass(frozen=True)
class ErasureReport:
    """What an erasure did; holds no id. Rows by raw table, files and folders by place."""

    erasure_id: int
    requested_at: datetime
    n_people: int
    n_aliases: int
    rows: dict[str, int]
    n_refused_lines: int
    removed: list[str] = field(default_factory=list)
    #: Copies that `backup` made earlier; they still hold the people.
    copies: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """Raw rows deleted, in all tables."""
        return sum(self.rows.values())


@contextmanager
def opened(warehouse: Warehouse) -> Iterator[Target]:
    """Raw events, in the warehouse or to be read in a lake; closed at the end.

    Raises LlmAnalyticsError if there is none yet.
    """
    if lake := named_lake():
        with open_lake(find_storage(lake)) as found:
            yield found.target
        return
    with opened_for_notes(warehouse) as target:
        yield target


@contextmanager
def opened_for_notes(warehouse: Warehouse) -> Iterator[Target]:
    """The same, wherever raw events are: for what is noted about the warehouse itself.

    Raises LlmAnalyticsError if there is none yet.
    """
    if not warehouse.is_postgres and not Path(warehouse.location).exists():
        raise LlmAnalyticsError(f"there is no warehouse at {warehouse.label}")
    if warehouse.is_postgres:
        target: Target = PostgresTarget(warehouse, duckdb.connect(), Path(tempfile.gettempdir()))
        try:
            yield target
        finally:
            target.close()
        return
    with open_duckdb(warehouse.location) as connection:
        confine(connection)
        yield DuckDbTarget(connection)


def erase(
    warehouse: Warehouse,
    ids: Sequence[str],
    other_folders: Sequence[Path],
    note: Note,
    postgres: str | None = None,
) -> list[ErasureReport]:
    """Erases people by their ids as the product knows them, and ends what was interrupted.

    `note` is told what begins; `postgres` is the database that was published to. Without ids, only
    the interrupted ones. Raises LlmAnalyticsError.
    """
    if lake := named_lake():
        return _erase_in_lake(lake, warehouse, ids, other_folders, note, postgres)
    if ids:
        note("deleting")
        delete(warehouse, ids)
    return resume(warehouse, other_folders, note, postgres)


def _erase_in_lake(
    location: str,
    warehouse: Warehouse,
    ids: Sequence[str],
    other_folders: Sequence[Path],
    note: Note,
    postgres: str | None,
) -> list[ErasureReport]:
    """The same where raw events are in a lake: first there, then in what was built from it."""
    if warehouse.is_postgres:
        raise LlmAnalyticsError("PostgreSQL reads no lake: unset LLM_ANALYTICS_LAKE")
    storage = find_storage(location)
    finish_purges(storage)
    if ids:
        note("deleting")
        note_erasure(storage, ids)
    finish_erasures(storage)
    noted = noted_erasures(storage)
    if Path(warehouse.location).exists():
        _take_over(warehouse, noted)
        return resume(warehouse, other_folders, note, postgres)
    removed = _clean(other_folders, note, postgres)
    return [
        ErasureReport(
            one.erasure_id, one.requested_at, one.n_people, one.n_aliases, one.rows,
            one.n_refused_lines, removed,
        )
        for one in (noted[-1:] if ids else ())
    ]  # fmt: skip


def _take_over(warehouse: Warehouse, noted: Sequence[LakeErasure]) -> None:
    """Writes into a warehouse what was erased from its lake and is still in the tables here."""
    with opened_for_notes(warehouse) as target:
        target.begin()
        target.run(f"create schema if not exists {SCHEMA}")
        _ensure_log(target)
        known = {number for (number,) in target.run(f"select erasure_id from {SCHEMA}.erasures")}
        for one in noted:
            if one.erasure_id not in known:
                _log_erasure(
                    target, one.erasure_id, one.requested_at, one.policy_version, one.n_people,
                    one.n_aliases, one.n_refused_lines, one.rows,
                )  # fmt: skip
        target.commit()


def delete(warehouse: Warehouse, ids: Sequence[str]) -> int:
    """The first step; returns the erasure's number. Nothing is changed if it is interrupted."""
    policies = known_keys(Policy.from_environment())
    version = PrivacyPolicy.load().version
    with opened(warehouse) as target:
        target.begin()
        try:
            if not has_table(target, "loads"):
                raise LlmAnalyticsError(f"nothing was ever loaded into {warehouse.label}")
            _ensure_log(target)
            ensure_tables(target)
            number = _next_number(target)
            subject = find_subject(target, forms_of(ids, policies))
            add_tombstones(target, number)
            rows = _delete_rows(target, subject)
            n_known = target.run("select count(distinct id) from subject_ids")[0][0]
            n_refused = _delete_refused(target)
            moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
            n_aliases = max(n_known - len(forms_of(ids, policies)), 0)
            _log_erasure(target, number, moment, version, len(set(ids)), n_aliases, n_refused, rows)
            for name in ("subject_ids", "subject_keys"):
                target.run(f"drop table {name}")
        except BaseException:
            target.rollback()
            raise
        target.commit()
    return number


def resume(
    warehouse: Warehouse, other_folders: Sequence[Path], note: Note, postgres: str | None = None
) -> list[ErasureReport]:
    """Does what is left of all erasures, together; returns what each of them did."""
    with opened_for_notes(warehouse) as target:
        if not has_table(target, "erasures"):
            return []
        left = [
            (number, step)
            for number, step in target.run(f"select erasure_id, step from {SCHEMA}.erasures")
            if step != STEPS[-1]
        ]
    if not left:
        return []
    step = min((step for _, step in left), key=STEPS.index)
    numbers = [number for number, _ in left]
    if step == "deleted":
        note("building all models without them")
        # What its tests say of the data is no reason to keep somebody in it.
        build("--full-refresh", "--exclude-resource-type", "test")
        _note_step(warehouse, numbers, "built")
        step = "built"
    if step == "built":
        note("writing the warehouse anew")
        _rewrite(warehouse, numbers)
    removed = _clean(other_folders, note, postgres)
    _note_step(warehouse, numbers, "cleaned")
    copies = [] if warehouse.is_postgres else copies_of(Path(warehouse.location))
    with opened_for_notes(warehouse) as target:
        return [_report(target, number, removed, list(map(str, copies))) for number in numbers]


def _clean(other_folders: Sequence[Path], note: Note, postgres: str | None) -> list[str]:
    """The last step; returns the places."""
    note("removing copies, artifacts and logs")
    removed = clean(other_folders)
    if postgres is not None and (dropped := drop_postgres(postgres)):
        removed.append(f"{dropped}, schema published")
    return removed


def clean(other_folders: Sequence[Path] = ()) -> list[str]:
    """Removes what was made from the warehouse; returns the places.

    That is the project's folder `published` with the old versions in it, compiled SQL and artifacts
    in dbt's target folder, dbt's logs, and all that is in `other_folders`.
    """
    root = project_root()
    removed: list[Path] = []
    for folder in (root / "published", *other_folders):
        if folder.is_dir() and any(folder.iterdir()):
            for path in folder.iterdir():
                _remove(path)
            removed.append(folder)
    target = Path(os.environ.get("DBT_TARGET_PATH", "").strip() or root / "target")
    logs = Path(os.environ.get("DBT_LOG_PATH", "").strip() or root / "logs")
    found = [target / name for name in _REMOVED_DBT if (target / name).exists()]
    found += [path for pattern in _REMOVED_DBT_FILES for path in target.glob(pattern)]
    found += list(logs.glob("dbt.log*"))
    for path in found:
        _remove(path)
    return [str(path) for path in removed + found]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _ensure_log(target: Target) -> None:
    """Creates the log of erasures where it is absent."""
    target.run(
        f"create table if not exists {SCHEMA}.erasures (erasure_id bigint not null primary key,"
        " requested_at timestamp not null, completed_at timestamp, policy_version varchar,"
        " n_people bigint not null, n_aliases bigint not null, n_refused_lines bigint not null,"
        " step varchar not null)"
    )
    target.run(
        f"create table if not exists {SCHEMA}.erased_rows (erasure_id bigint not null,"
        " table_name varchar not null, n_rows bigint not null)"
    )


def _log_erasure(
    target: Target,
    number: int,
    moment: datetime,
    version: str,
    n_people: int,
    n_aliases: int,
    n_refused: int,
    rows: dict[str, int],
) -> None:
    """Notes an erasure whose first step is done."""
    for table, count in rows.items():
        target.run(f"insert into {SCHEMA}.erased_rows values (?, ?, ?)", [number, table, count])
    target.run(
        f"insert into {SCHEMA}.erasures values (?, ?, ?, ?, ?, ?, ?, ?)",
        [number, moment, None, version, n_people, n_aliases, n_refused, STEPS[0]],
    )


def _next_number(target: Target) -> int:
    return int(target.run(f"select coalesce(max(erasure_id), 0) + 1 from {SCHEMA}.erasures")[0][0])


def _delete_rows(target: Target, subject: Subject) -> dict[str, int]:
    """Deletes their rows of every raw table; how many by table."""
    counts = {}
    for table in subject.tables:
        where = subject.is_theirs(table)
        name = f"{SCHEMA}.{table.name}"
        count = target.run(f"select count(*) from {name} where {where}")[0][0]
        if count:
            target.run(f"delete from {name} where {where}")
            counts[table.name] = int(count)
    return counts


def _delete_refused(target: Target) -> int:
    """Deletes refused lines whose kept text names one of them, as a word of its own."""
    if not has_table(target, "quarantine"):
        return 0
    ids = [one for (one,) in target.run("select id from subject_ids")]
    columns = "load_seq, file_number, line_number"
    kept = target.run(
        f"select {columns}, raw_text from {SCHEMA}.quarantine where raw_text is not null"
    )
    naming = naming_lines(ids, kept)
    for place in naming:
        target.run(
            f"delete from {SCHEMA}.quarantine"
            " where load_seq = ? and file_number = ? and line_number = ?",
            place,
        )
    return len(naming)


def _note_step(warehouse: Warehouse, numbers: Sequence[int], step: str) -> None:
    with opened_for_notes(warehouse) as target:
        target.begin()
        _set_step(target, numbers, step)
        target.commit()


def _set_step(target: Target, numbers: Sequence[int], step: str) -> None:
    moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    for number in numbers:
        target.run(
            f"update {SCHEMA}.erasures set step = ?, completed_at = ? where erasure_id = ?",
            [step, moment if step == STEPS[-1] else None, number],
        )


def _rewrite(warehouse: Warehouse, numbers: Sequence[int]) -> None:
    """Leaves no byte of deleted rows in the warehouse's files."""
    if warehouse.is_postgres:
        vacuum(warehouse)
        _note_step(warehouse, numbers, "rewritten")
        return
    copy_and_swap(Path(warehouse.location), numbers)


def vacuum(warehouse: Warehouse) -> None:
    """Rewrites every raw table of a PostgreSQL database without its deleted rows."""
    connection = open_postgres(warehouse.location)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select tablename from pg_tables where schemaname = %s", [SCHEMA])
            for (name,) in cursor.fetchall():
                cursor.execute(f"vacuum full {SCHEMA}.{quote_name(name)}")
    finally:
        connection.close()


def copy_and_swap(place: Path, numbers: Sequence[int] = ()) -> None:
    """Copies all of a DuckDB file into a new one that takes its place, old bytes and log gone.

    The new file says of these erasures that this was done, so that a call that is interrupted
    before the swap starts over and one that is interrupted after it does not.
    """
    fresh = place.with_name(f"{place.name}.rewriting")
    for leftover in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        leftover.unlink(missing_ok=True)
    with open_duckdb(str(place)) as connection:
        if lake := named_lake():  # views are read to be copied
            find_storage(lake).open_for(connection)
        old = quote_name(connection.execute("select current_database()").fetchall()[0][0])
        version = "(storage_version 'v1.4.0')"
        connection.execute(f"attach {quote_text(str(fresh))} as fresh {version}")
        connection.execute(f"copy from database {old} to fresh")
        for number in numbers:
            connection.execute(
                f"update fresh.{SCHEMA}.erasures set step = 'rewritten' where erasure_id = ?",
                [number],
            )
        connection.execute("checkpoint fresh")
        connection.execute("detach fresh")
    place.with_name(f"{place.name}.wal").unlink(missing_ok=True)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(place)


def _report(target: Target, number: int, removed: list[str], copies: list[str]) -> ErasureReport:
    row: Any = target.run(
        "select requested_at, n_people, n_aliases, n_refused_lines"
        f" from {SCHEMA}.erasures where erasure_id = ?",
        [number],
    )[0]
    rows = target.run(
        f"select table_name, n_rows from {SCHEMA}.erased_rows where erasure_id = ?"
        " order by table_name",
        [number],
    )
    return ErasureReport(number, row[0], row[1], row[2], dict(rows), row[3], removed, copies)


def requested(warehouse: Warehouse) -> list[str]:
    """Who asked for erasure by an event of the stream consents: ids as they landed."""
    with opened(warehouse) as target:
        if not has_table(target, "events_consents"):
            return []
        found = target.run(
            f"select distinct user_id from {SCHEMA}.events_consents where consent = 'erasure'"
        )
        return sorted(row[0] for row in found)
