"""Writes checked rows into the raw tables: one transaction, on DuckDB or PostgreSQL.

Both engines run the same SQL, and so does a lake (`llm_analytics.lake`). The rows to land wait in
staging tables of the same connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb

from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.loading.policy import Policy
from llm_analytics.tracking_plan import Stream
from llm_analytics.warehouse import Warehouse, open_postgres

SCHEMA = "raw"
_LOCK_NUMBER = 5_202_412_101  # any constant: the advisory lock under which loads are numbered
_COUNTS = dict.fromkeys(
    ("n_lines", "n_blank", "n_accepted", "n_duplicates", "n_quarantined", "n_erased"),
    "bigint not null",
)
_LOADS = {
    "load_seq": "bigint not null primary key",
    "loaded_at": "timestamp not null",
    "source": "varchar not null",
    "policy": "varchar not null",
    "is_keyed": "boolean not null",
    **_COUNTS,
    "n_files": "bigint not null",
    "policy_version": "varchar",
}
_LOADED_FILES = {
    "load_seq": "bigint not null",
    "file_number": "integer not null",
    "file_name": "varchar not null",
    "sha256": "varchar not null",
    "n_bytes": "bigint not null",
    **_COUNTS,
}
QUARANTINE = {
    "load_seq": "bigint not null",
    "file_number": "integer not null",
    "line_number": "bigint not null",
    "byte_offset": "bigint not null",
    "stream": "varchar",
    "reason": "varchar not null",
    "detail": "varchar",
    "raw_text": "varchar",
    "raw_sha256": "varchar not null",
}
_ORIGIN = ("load_seq", "file_number", "line_number")


@dataclass
class FileReport:
    """What became of one file; lines = blank + accepted + duplicates + quarantined + erased."""

    file_number: int
    file_name: str
    sha256: str
    n_bytes: int
    n_lines: int
    n_blank: int
    n_accepted: int = 0
    n_duplicates: int = 0
    n_quarantined: int = 0
    n_erased: int = 0


class Target(Protocol):
    """A warehouse in the middle of a load."""

    def begin(self) -> None:
        """Opens the transaction and takes the lock under which loads are numbered."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a statement (`?` for values) and returns its rows, if it has any."""

    def staged(self, name: str, columns: dict[str, str]) -> str:
        """A relation of the transaction that holds the staged rows of a stream."""

    def earlier(self, table: str) -> str:
        """The relation that holds what earlier loads have landed in a raw table."""

    def key(self, event_id: str) -> str:
        """SQL of something narrow that is equal for equal event ids; used in one statement only."""

    def commit(self) -> None:
        """Makes the load visible."""

    def rollback(self) -> None:
        """Undoes everything since `begin`."""

    def close(self) -> None:
        """Lets go of the warehouse."""


def with_values(sql: str, values: Sequence[Any]) -> str:
    """The statement with a literal for each `?`, for DuckDB.

    It imports pandas and pyarrow for the first bound value: more work than all of a small load.
    """
    if not values:
        return sql  # a `?` in it is in a text: of a URL, say
    parts = sql.split("?")
    literals = [_literal(value) for value in values]
    return "".join(part + one for part, one in zip(parts, [*literals, ""], strict=True))


def _literal(value: object) -> str:
    match value:
        case None:
            return "null"
        case str():
            return quote_text(value).replace("\0", "' || chr(0) || '")
        case datetime():
            return f"timestamp {quote_text(value.isoformat())}"
        case bool() | int():
            return str(value).lower()
    raise TypeError(f"no literal for {type(value).__name__}")


class DuckDbTarget:
    """The warehouse file, in the same instance as the staging tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def begin(self) -> None:
        """Open the transaction and take the lock under which loads are numbered."""
        self._connection.begin()

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has any."""
        return self._connection.execute(with_values(sql, values)).fetchall()

    def staged(self, name: str, columns: dict[str, str]) -> str:
        """Say where the staged rows can be read."""
        return f"stage.{name}"

    def earlier(self, table: str) -> str:
        """Say where the rows of earlier loads are: where those of this load go."""
        return f"{SCHEMA}.{table}"

    def key(self, event_id: str) -> str:
        """Say what to group event ids by: their 64-bit hash."""
        return f"hash({event_id})"

    def commit(self) -> None:
        """Make the load visible."""
        self._connection.commit()

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        try:
            self._connection.rollback()
        except duckdb.Error:
            return  # an error inside the transaction has already undone it

    def close(self) -> None:
        """Let go of the warehouse."""
        return


class PostgresTarget:
    """A PostgreSQL database; checked rows are copied into temporary tables of the transaction."""

    def __init__(self, warehouse: Warehouse, work: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._connection = open_postgres(warehouse.location)
        self._work = work
        self._folder = folder

    def begin(self) -> None:
        """Open the transaction and take the lock under which loads are numbered."""
        self.run(f"select pg_advisory_xact_lock({_LOCK_NUMBER})")

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has any."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), list(values))
            return list(cursor.fetchall()) if cursor.description else []

    def staged(self, name: str, columns: dict[str, str]) -> str:
        """Copy the staged rows into the transaction and say where they can be read."""
        table = f"stage_{name}"
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self.run(f"create temporary table {table} ({typed}) on commit drop")
        path = self._folder / f"{table}.csv"
        names = ", ".join(f'"{column}"' for column in columns)
        self._work.execute(
            f"copy (select {names} from stage.{name}) to '{path}'"
            " (format csv, header false, force_quote *, nullstr '\\N')"
        )
        with path.open("rb") as file, self._connection.cursor() as cursor:
            cursor.copy_expert(f"copy {table} ({names}) from stdin (format csv, null '\\N')", file)
        path.unlink()
        self.run(f"analyze {table}")
        return table

    def earlier(self, table: str) -> str:
        """Say where the rows of earlier loads are: where those of this load go."""
        return f"{SCHEMA}.{table}"

    def key(self, event_id: str) -> str:
        """Say what to group event ids by: themselves."""
        return event_id

    def commit(self) -> None:
        """Make the load visible."""
        self._connection.commit()

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        self._connection.rollback()

    def close(self) -> None:
        """Let go of the warehouse."""
        self._connection.close()


def _ensure_table(target: Target, name: str, columns: dict[str, str]) -> None:
    """Creates a raw table, or adds the columns that the plan has gained since it was created."""
    found = target.run(
        "select column_name from information_schema.columns"
        " where table_schema = ? and table_name = ? and table_catalog = current_database()",
        [SCHEMA, name],
    )
    existing = {row[0] for row in found}
    if not existing:
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        target.run(f"create table {SCHEMA}.{name} ({typed})")
        return
    for column, kind in columns.items():
        if column not in existing:
            nullable = kind.replace(" not null", "")
            target.run(f'alter table {SCHEMA}.{name} add column "{column}" {nullable}')


def ensure_tables(target: Target, source: str, streams: Sequence[Stream]) -> None:
    """Creates the schema, the log tables and the tables of these streams where they are absent."""
    if not target.run(
        "select 1 from information_schema.schemata where schema_name = ?"
        " and catalog_name = current_database()",
        [SCHEMA],
    ):
        target.run(f"create schema {SCHEMA}")
    _ensure_table(target, "loads", _LOADS)
    _ensure_table(target, "loaded_files", _LOADED_FILES)
    _ensure_table(target, "quarantine", QUARANTINE)
    for stream in streams:
        _ensure_table(target, f"{source}_{stream.name}", stream.landed_columns())


def next_load_seq(target: Target) -> int:
    """The number of this load; the caller holds the lock until it commits."""
    loads = target.earlier("loads")
    return int(target.run(f"select coalesce(max(load_seq), 0) + 1 from {loads}")[0][0])


def land_stream(
    target: Target, source: str, stream: Stream, load_seq: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Inserts the staged rows of a stream; returns rows and duplicates by file number.

    A duplicate has the same event id and the same content in every landed column (NULLs equal) as
    an earlier line of the load or a row already landed. Only ids that repeat are compared.
    """
    table = f"{SCHEMA}.{source}_{stream.name}"
    earlier = target.earlier(f"{source}_{stream.name}")
    columns = [name for name in stream.landed_columns() if name != "load_seq"]
    types = stream.landed_columns()
    staged = target.staged(stream.name, {name: types[name] for name in columns})
    content = ", ".join(f'"{name}"' for name in columns if name not in _ORIGIN)
    key, table_key = target.key("s.event_id"), target.key("t.event_id")
    target.run(
        "create temporary table repeated as"
        f" select {key} as id_key from {staged} as s group by {key} having count(*) > 1"
        f" union select {key} as id_key from {staged} as s"
        f" where {key} in (select {table_key} from {earlier} as t)"
    )
    target.run(
        f"""
        create temporary table losers as
        with candidates as (
            select 0 as is_old, file_number, line_number, {content} from {staged} as s
            where {key} in (select id_key from repeated)
            union all
            select 1 as is_old, null as file_number, null as line_number, {content}
            from {earlier} as t
            where {table_key} in (select id_key from repeated)
        ),
        ranked as (
            select is_old, file_number, line_number, row_number() over (
                partition by {content} order by is_old desc, file_number, line_number
            ) as place
            from candidates
        )
        select file_number, line_number from ranked where is_old = 0 and place > 1
        """
    )
    _add_purged_twins(target, source, stream, staged)
    names = ", ".join(f'"{name}"' for name in columns)
    target.run(
        f"insert into {table} ({names}, load_seq) select {names}, {load_seq} from {staged} as s"
        " where not exists (select 1 from losers as l"
        " where l.file_number = s.file_number and l.line_number = s.line_number)"
    )
    rows = target.run(f"select file_number, count(*) from {staged} group by file_number")
    losers = target.run("select file_number, count(*) from losers group by file_number")
    target.run("drop table repeated")
    target.run("drop table losers")
    return dict(rows), dict(losers)


def _add_purged_twins(target: Target, source: str, stream: Stream, staged: str) -> None:
    """Adds to the losers what is landed but for a text that was since removed for its age."""
    table = f"{source}_{stream.name}"
    if not stream.text_fields or not target.run(
        "select 1 from information_schema.tables where table_schema = ? and table_name = 'purges'"
        " and table_catalog = current_database()",
        [SCHEMA],
    ):
        return
    texts = [item.name for item in stream.text_fields]
    same = " and ".join(
        f'(t."{name}" is not distinct from s."{name}"'
        + (f' or t."{name}" is null)' if name in texts else ")")
        for name in stream.landed_columns()
        if name not in _ORIGIN
    )
    earlier, loads = target.earlier(table), target.earlier("loads")
    target.run(
        "insert into losers select distinct s.file_number, s.line_number"
        f" from {staged} as s inner join {earlier} as t on s.event_id = t.event_id"
        f" where t.load_seq in (select o.load_seq from {loads} as o where o.loaded_at <"
        f" (select max(q.purged_at) from {SCHEMA}.purges as q where q.table_name = '{table}'))"
        " and not exists (select 1 from losers as l"
        " where l.file_number = s.file_number and l.line_number = s.line_number)"
        f" and {same}"
    )


def land_quarantine(target: Target, load_seq: int) -> None:
    """Keeps the lines that were not accepted; one that an earlier load left is not kept twice."""
    columns = {name: kind for name, kind in QUARANTINE.items() if name != "load_seq"}
    staged = target.staged("quarantine", columns)
    names = ", ".join(columns)
    target.run(
        f"insert into {SCHEMA}.quarantine ({names}, load_seq)"
        f" select {names}, {load_seq} from {staged} as s"
        f" where not exists (select 1 from {target.earlier('quarantine')} as q"
        " where q.raw_sha256 = s.raw_sha256 and q.reason = s.reason)"
    )


def log_load(
    target: Target,
    load_seq: int,
    loaded_at: datetime,
    source: str,
    policy: Policy,
    files: Sequence[FileReport],
) -> None:
    """Writes the load and its files into the log."""
    sums = [sum(getattr(file, name) for file in files) for name in _COUNTS]
    marks = ", ".join("?" for _ in _LOADS)
    target.run(
        f"insert into {SCHEMA}.loads ({', '.join(_LOADS)}) values ({marks})",
        [
            load_seq,
            loaded_at,
            source,
            policy.label,
            policy.id_key is not None,
            *sums,
            len(files),
            policy.version,
        ],
    )
    marks = ", ".join("?" for _ in _LOADED_FILES)
    for file in files:
        counts = [getattr(file, name) for name in _COUNTS]
        target.run(
            f"insert into {SCHEMA}.loaded_files ({', '.join(_LOADED_FILES)}) values ({marks})",
            [load_seq, file.file_number, file.file_name, file.sha256, file.n_bytes, *counts],
        )
