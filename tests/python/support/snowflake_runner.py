"""Builds a project with dbt on fakesnow, which answers as Snowflake does, out of DuckDB.

    python snowflake_runner.py TABLES SOURCE.duckdb... -- DBT_ARGUMENT...

For one source after another: its raw tables take the place of those before, and dbt runs. Then
every table becomes a file, TABLES/<schema>/<table>.parquet. Runs in the environment that has
fakesnow, which has nothing of the tests. Exit status 1 and a text say what failed.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import fakesnow
import snowflake.connector
from dbt.cli.main import dbtRunner
from fakesnow.cursor import FakeSnowflakeCursor


def _with_lasting_tables(execute: Any) -> Any:
    """Temporary tables of a schema, which dbt makes for incremental runs, are none in DuckDB."""

    def executed(cursor: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        return execute(cursor, command.replace(" temporary table", " table"), *args, **kwargs)

    return executed


def _take_raw_tables(duckdb: Any, source: str) -> None:
    """Names in capitals, as Snowflake keeps those that nobody quoted."""
    duckdb.execute(f"attach '{source}' as source (read_only)")
    tables = duckdb.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns()"
        " where database_name = 'source' and schema_name = 'raw' group by table_name"
    ).fetchall()
    for table, columns in tables:
        selected = ", ".join(f'"{column}" as "{column.upper()}"' for column in columns)
        query = f"select {selected} from source.raw.{table}"
        duckdb.execute(f"create or replace table RAW.{table.upper()} as {query}")
    duckdb.execute("detach source")


def _write_tables(duckdb: Any, folder: Path) -> None:
    found = duckdb.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = 'ANALYTICS' and table_schema in ('INTERMEDIATE', 'MARTS')"
    ).fetchall()
    for schema, table in found:
        home = folder / schema.lower()
        home.mkdir(parents=True, exist_ok=True)
        duckdb.execute(f"copy {schema}.{table} to '{home / table.lower()}.parquet'")


def main(tables: Path, sources: list[str], arguments: list[str]) -> str | None:
    """Build source after source; returns what failed."""
    FakeSnowflakeCursor.execute = _with_lasting_tables(FakeSnowflakeCursor.execute)
    with fakesnow.patch():
        connection = snowflake.connector.connect(database="analytics", schema="main")
        connection.cursor().execute("create schema raw")
        duckdb = connection._duck_conn
        for source in sources:
            _take_raw_tables(duckdb, source)
            result = dbtRunner().invoke(arguments)
            if not result.success:
                nodes = getattr(result.result, "results", [])
                failed = [each for each in nodes if each.status in ("error", "fail")]
                return "\n".join(f"{each.node.name}: {each.message}" for each in failed) or repr(
                    result.exception
                )
        _write_tables(duckdb, tables)
    return None


if __name__ == "__main__":
    # It says of each table that DuckDB has no transient ones.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    split = sys.argv.index("--")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :]))
