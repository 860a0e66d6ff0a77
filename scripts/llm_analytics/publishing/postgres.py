"""The published file as a schema of a PostgreSQL database, swapped in one transaction."""

from __future__ import annotations

from pathlib import Path

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.publishing.writing import load_postgres_scanner
from llm_analytics.warehouse import Warehouse, open_postgres

#: The schema that readers query; beside it, for moments, the one that is written and the last one.
SCHEMA = "published"
_NEXT, _LAST = f"{SCHEMA}_next", f"{SCHEMA}_last"


def export_postgres(published: Path, url: str) -> str:
    """Copies every table of a published file into the schema `published` of a database.

    Returns the database's name without its password. A reader sees the old tables or the new ones:
    both schemas are renamed in one transaction. Raises LlmAnalyticsError where it cannot be done;
    the old schema stands then.
    """
    label = Warehouse(url).label
    if not Warehouse(url).is_postgres:
        raise LlmAnalyticsError("--postgres needs a URL: postgresql://user@host/database")
    connection = open_postgres(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Two publishers would write the same schema: the lock ends with the session.
            cursor.execute(f"select pg_try_advisory_lock(hashtext('{_NEXT}'))")
            if not cursor.fetchone()[0]:
                raise LlmAnalyticsError(f"{label} is being published to already")
            for schema in (_NEXT, _LAST):
                cursor.execute(f"drop schema if exists {schema} cascade")
            cursor.execute(f"create schema {_NEXT}")
            _copy(published, url)
            _comment(published, cursor)
            connection.autocommit = False
            cursor.execute(
                "select count(*) from information_schema.schemata where schema_name = %s",
                [SCHEMA],
            )
            if cursor.fetchone()[0]:
                cursor.execute(f"alter schema {SCHEMA} rename to {_LAST}")
            cursor.execute(f"alter schema {_NEXT} rename to {SCHEMA}")
            connection.commit()
            # Views that others built on the old tables go with them; long readers are waited for.
            cursor.execute(f"drop schema if exists {_LAST} cascade")
            connection.commit()
    finally:
        connection.close()
    return label


def drop_postgres(url: str) -> str | None:
    """Drops the schema `published` of a database, with what a killed publisher left beside it.

    Returns the database's name without its password; None if there was nothing. Raises
    LlmAnalyticsError where it cannot be done.
    """
    label = Warehouse(url).label
    if not Warehouse(url).is_postgres:
        raise LlmAnalyticsError("--postgres needs a URL: postgresql://user@host/database")
    connection = open_postgres(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select schema_name from information_schema.schemata where schema_name in %s",
                [(SCHEMA, _NEXT, _LAST)],
            )
            found = [name for (name,) in cursor.fetchall()]
            for name in found:
                cursor.execute(f"drop schema {name} cascade")
        connection.commit()
    finally:
        connection.close()
    return label if found else None


def _copy(published: Path, url: str) -> None:
    """All tables, through DuckDB's writer of PostgreSQL."""
    session = duckdb.connect(
        config={"autoload_known_extensions": "false", "autoinstall_known_extensions": "false"}
    )
    try:
        load_postgres_scanner(session)
        session.execute(f"attach '{_quoted(str(published))}' as source (read_only)")
        session.execute(f"attach '{_quoted(url)}' as target (type postgres)")
        session.execute("begin")
        for schema, table in _tables(session):
            session.execute(
                f'create table target.{_NEXT}."{table}" as from source."{schema}"."{table}"'
            )
        session.execute("commit")
    except duckdb.Error as error:
        line = str(error).strip().splitlines()[0].replace(url, Warehouse(url).label)
        raise LlmAnalyticsError(f"{Warehouse(url).label}: {line}") from error
    finally:
        session.close()


def _tables(session: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return session.execute(
        "select schema_name, table_name from duckdb_tables()"
        " where database_name = 'source' order by all"
    ).fetchall()


def _comment(published: Path, cursor: object) -> None:
    """The descriptions, which a copy of the rows leaves behind."""
    with duckdb.connect(str(published), read_only=True) as reader:
        tables = reader.execute(
            "select table_name, comment from duckdb_tables() where comment is not null"
        ).fetchall()
        columns = reader.execute(
            "select table_name, column_name, comment from duckdb_columns()"
            " where comment is not null and not internal"
        ).fetchall()
    statements = [
        f"comment on table {_NEXT}.\"{table}\" is '{_quoted(comment)}'" for table, comment in tables
    ] + [
        f'comment on column {_NEXT}."{table}"."{column}" is \'{_quoted(comment)}\''
        for table, column, comment in columns
    ]
    if statements:
        cursor.execute("; ".join(statements))  # type: ignore[attr-defined]


def _quoted(text: str) -> str:
    return text.replace("'", "''")
