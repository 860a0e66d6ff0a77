"""Land the raw tables of a test's DuckDB warehouse in a lake, as loads into it would have."""

from __future__ import annotations

from pathlib import Path

import duckdb

#: Any date: what a load's folders are called changes nothing.
DATE = "load_date=2025-12-01"


def land_in_lake(warehouse: str, lake: Path, load_seq: int) -> None:
    """Write the rows that one load brought to each raw table, then its line of the log."""
    load_id = f"{load_seq:010d}-test"
    written = []
    with duckdb.connect(warehouse, read_only=True) as database:
        for (table,) in database.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw'"
            " and table_name <> 'loads' order by table_name"
        ).fetchall():
            rows = f"select * from raw.{table} where load_seq = {load_seq}"
            if database.execute(f"{rows} limit 1").fetchall():
                folder = lake / "raw" / table / DATE / f"load_id={load_id}"
                folder.mkdir(parents=True)
                database.execute(f"copy ({rows}) to '{folder}/rows.parquet'")
                written.append(table)
        log = lake / "raw" / "loads"
        log.mkdir(parents=True, exist_ok=True)
        database.execute(
            f"copy (select *, '{load_id}' as load_id, '{','.join(written)}' as tables from"
            f" raw.loads where load_seq = {load_seq}) to '{log}/{load_seq:010d}.parquet'"
        )
