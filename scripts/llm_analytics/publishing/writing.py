"""Writes the marts of a build into a new DuckDB file, and checks what was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.privacy.policy import Policy
from llm_analytics.privacy.small_cells import find_small_cells
from llm_analytics.publishing.artifacts import Build, Column, Mart, SmallCells
from llm_analytics.warehouse import Warehouse, explain_duckdb_error

#: The oldest storage of DuckDB that its drivers still meet: all of 1.x and 2.0 read it.
STORAGE = "v1.0.0"
#: Schemas of the published file: the marts, and what is said about them.
MARTS, ABOUT = "marts", "published"
#: The name of the new file while it is written.
COPY = "published_copy"
#: The column that a mart gains whose figures about few are withheld.
SUPPRESSED = "is_suppressed"

_TABLES_ABOUT = f"""
create table {COPY}.{ABOUT}.about (
    version bigint, built_at timestamp, published_at timestamp, load_seq bigint,
    loaded_at timestamp, newest_event_at timestamp, n_marts bigint, has_ids boolean,
    policy_version varchar, project_version varchar, invocation_id varchar
);
create table {COPY}.{ABOUT}.contents (
    mart varchar, n_rows bigint, left_out varchar, description varchar
);
create table {COPY}.{ABOUT}.metric_definitions (
    metric varchar, title varchar, mart varchar, columns varchar, numerator varchar,
    denominator varchar, "window" varchar, source varchar, example varchar
);
"""


@dataclass(frozen=True)
class Written:
    """What one published file holds."""

    version: int
    load_seq: int
    has_ids: bool
    #: Rows by mart.
    rows: dict[str, int]
    #: Columns that stayed in the warehouse, as mart.column.
    left_out: tuple[str, ...]


@contextmanager
def _session(warehouse: Warehouse, database: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session of its own, with the warehouse attached for reading.

    It is attached under the name that dbt knows it by, for its views spell that name.
    """
    connection = duckdb.connect(
        config={"autoload_known_extensions": "false", "autoinstall_known_extensions": "false"}
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        if warehouse.is_postgres:
            load_postgres_scanner(connection)
            connection.execute(
                f"attach {_text(warehouse.location)} as {_name(database)}"
                " (type postgres, read_only)"
            )
        elif Path(warehouse.location).is_file():
            connection.execute(
                f"attach {_text(warehouse.location)} as {_name(database)} (read_only)"
            )
        else:
            raise LlmAnalyticsError(f"no warehouse at {warehouse.location}")
        connection.execute(f"use {_name(database)}")
        yield connection
    except duckdb.Error as error:
        raise explain_duckdb_error(error, warehouse.label) from error
    finally:
        connection.close()


def load_postgres_scanner(connection: duckdb.DuckDBPyConnection) -> None:
    """Loads DuckDB's reader of PostgreSQL from its wheel. Raises LlmAnalyticsError without it."""
    try:
        from duckdb_extensions import import_extension
    except ImportError as error:
        raise LlmAnalyticsError(
            "PostgreSQL needs the extra `postgres`: pip install 'llm-analytics[postgres]'"
        ) from error
    import_extension("postgres_scanner", con=connection)
    connection.execute("load postgres_scanner")


def write(warehouse: Warehouse, build: Build, path: Path, version: int) -> Written:
    """Writes the marts of the build, and what is known about them, into a new file at `path`.

    All of it is read in one transaction. Raises LlmAnalyticsError if the warehouse cannot be read
    or lacks a mart.
    """
    with _session(warehouse, build.database) as session:
        session.execute(f"attach {_text(str(path))} as {COPY} (storage_version {_text(STORAGE)})")
        session.execute("begin")
        session.execute(f"create schema {COPY}.{MARTS}")
        session.execute(f"create schema {COPY}.{ABOUT}")
        session.execute(_TABLES_ABOUT)
        has_ids = _all_ids_are_keyed(session, build)
        rows, left_out = {}, []
        for mart in build.marts:
            rows[mart.name] = _copy(session, mart, has_ids)
            left_out += _note(session, mart, rows[mart.name], has_ids)
        for each in build.metrics:
            session.execute(
                f"insert into {COPY}.{ABOUT}.metric_definitions values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    each.name, each.title, each.mart, ", ".join(each.columns), each.numerator,
                    each.denominator, each.window, each.source, each.example,
                ],
            )  # fmt: skip
        load_seq, loaded_at = _one(
            session, f"select load_seq, loaded_at from {build.inputs['int_load_horizon']}"
        )
        (newest,) = _one(session, f"select max(as_of) from {build.inputs['int_as_of']}")
        session.execute(
            f"insert into {COPY}.{ABOUT}.about values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                version, _utc(build.built_at), _utc(datetime.now(UTC).isoformat()), load_seq,
                loaded_at, newest, len(build.marts), has_ids, Policy.load().version,
                build.project_version, build.invocation_id,
            ],
        )  # fmt: skip
        session.execute("commit")
        session.execute(f"checkpoint {COPY}")
        session.execute(f"detach {COPY}")
    return Written(version, int(load_seq), has_ids, rows, tuple(left_out))


def _copy(session: duckdb.DuckDBPyConnection, mart: Mart, has_ids: bool) -> int:
    """Copies one mart, with its descriptions; returns how many rows it has."""
    columns = mart.published_columns(has_ids)
    if not columns:
        return 0
    place = f"{MARTS}.{_name(mart.name)}"
    source = f"{_name(mart.schema)}.{_name(mart.name)}"
    if mart.small_cells:
        _copy_without_small_cells(session, source, f"{COPY}.{place}", columns, mart.small_cells)
    else:
        chosen = ", ".join(_name(column.name) for column in columns)
        session.execute(f"create table {COPY}.{place} as select {chosen} from {source}")
    session.execute(f"comment on table {COPY}.{place} is {_text(mart.description)}")
    for column in columns:
        session.execute(
            f"comment on column {COPY}.{place}.{_name(column.name)} is {_text(column.description)}"
        )
    (n_rows,) = _one(session, f"select count(*) from {COPY}.{place}")
    return int(n_rows)


def _copy_without_small_cells(
    session: duckdb.DuckDBPyConnection,
    source: str,
    target: str,
    columns: list[Column],
    rule: SmallCells,
) -> None:
    """Copies a mart; what is about fewer users than the policy's minimum is NULL, and marked."""
    keys = ", ".join(_name(key) for key in rule.keys)
    asked = session.execute(f"select {keys}, {_name(rule.count)} from {source}")
    names = (*rule.keys, rule.count)
    tables: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in asked.fetchall():
        cell = dict(zip(names, row, strict=True))
        tables.setdefault(tuple(cell[name] for name in rule.within), []).append(cell)
    session.execute(f"create or replace temp table withheld as select {keys} from {source} limit 0")
    minimum = Policy.load().minimum_cohort
    marks = ", ".join("?" for _ in rule.keys)
    # Tables of the same cells, as those of many dates are, are judged once.
    judged: dict[tuple[tuple[object, ...], ...], frozenset[int]] = {}
    for cells in tables.values():
        cells.sort(key=lambda cell: [str(cell[dim]) for dim in rule.dims])
        alike = tuple((*(cell[dim] for dim in rule.dims), cell[rule.count]) for cell in cells)
        if alike not in judged:
            judged[alike] = find_small_cells(cells, rule.dims, rule.count, minimum).rows
        for place in judged[alike]:
            session.execute(
                f"insert into withheld values ({marks})", [cells[place][key] for key in rule.keys]
            )
    joined = " and ".join(
        f"mart.{_name(key)} is not distinct from withheld.{_name(key)}" for key in rule.keys
    )
    chosen = ", ".join(
        f"mart.{_name(column.name)}"
        if column.name in rule.keys
        else f"case when withheld.is_suppressed is null then mart.{_name(column.name)} end"
        f" as {_name(column.name)}"
        for column in columns
    )
    session.execute(
        f"create table {target} as select {chosen},"
        f" coalesce(withheld.is_suppressed, false) as {SUPPRESSED}"
        f" from {source} as mart left join (select *, true as is_suppressed from withheld)"
        f" as withheld on {joined}"
    )


def _note(session: duckdb.DuckDBPyConnection, mart: Mart, n_rows: int, has_ids: bool) -> list[str]:
    """Notes in the file what of a mart is in it; returns the columns that are not."""
    kept = {column.name for column in mart.published_columns(has_ids)}
    left_out = [column.name for column in mart.columns if column.name not in kept]
    session.execute(
        f"insert into {COPY}.{ABOUT}.contents values (?, ?, ?, ?)",
        [mart.name, n_rows, ", ".join(left_out), mart.description],
    )
    return [f"{mart.name}.{name}" for name in left_out]


def _all_ids_are_keyed(session: duckdb.DuckDBPyConnection, build: Build) -> bool:
    """Whether no load let an id in as it was sent; a table that is mapped brings them so."""
    (is_loaded,) = _one(
        session,
        "select count(*) from information_schema.tables where table_catalog = current_database()"
        " and table_schema = 'raw' and table_name = 'loads'",
    )
    unkeyed = is_loaded and _one(session, "select count(*) from raw.loads where not is_keyed")[0]
    mapped = build.inputs.get("int_table_loads")
    return not unkeyed and not (mapped and _one(session, f"select count(*) from {mapped}")[0])


def check(path: Path, build: Build, written: Written) -> None:
    """Opens a written file as a reader would, and compares it with what was meant to be in it.

    Raises LlmAnalyticsError at the first difference.
    """
    with duckdb.connect(str(path), read_only=True) as reader:
        found = {
            (str(table), str(column))
            for table, column in reader.execute(
                "select table_name, column_name from duckdb_columns()"
                f" where schema_name = '{MARTS}'"
            ).fetchall()
        }
        allowed = {
            (mart.name, column.name)
            for mart in build.marts
            for column in mart.published_columns(written.has_ids)
        } | {(mart.name, SUPPRESSED) for mart in build.marts if mart.small_cells}
        if found != allowed:
            table, column = sorted(found ^ allowed)[0]
            raise LlmAnalyticsError(f"the copy is not what it should be: {table}.{column}")
        for table in sorted({table for table, _ in found}):
            counted = reader.execute(f"select count(*) from {MARTS}.{_name(table)}").fetchone()
            if counted is None or counted[0] != written.rows[table]:
                raise LlmAnalyticsError(f"the copy of {table} has lost rows")


def describe(path: Path) -> dict[str, object]:
    """The row of `published.about` of a published file, as JSON can hold it."""
    with duckdb.connect(str(path), read_only=True) as reader:
        result = reader.execute(f"select * from {ABOUT}.about")
        names = [column[0] for column in result.description]
        row = result.fetchone()
    found: dict[str, object] = json.loads(
        json.dumps(dict(zip(names, row or (), strict=False)), default=str)
    )
    return found


def count_rows(path: Path) -> int:
    """Rows of all marts of a published file."""
    with duckdb.connect(str(path), read_only=True) as reader:
        return int(_one(reader, f"select coalesce(sum(n_rows), 0) from {ABOUT}.contents")[0])


def _one(session: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = session.execute(sql).fetchone()
    if row is None:
        raise LlmAnalyticsError("the warehouse was never built: run `dbt build` first")
    return row


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
