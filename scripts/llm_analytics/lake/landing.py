"""Writes checked rows into a lake: a file for each table, then one for the load that shows them.

A lake holds, beside each other:
    raw/<source>_<stream>/load_date=2025-01-31/load_id=0000000007-1f2e3d4c/rows.parquet
    raw/loaded_files/…, raw/quarantine/…        likewise
    raw/loads/0000000007.parquet                the log: one row
    erasures/0000000001.parquet                 who was erased, as keyed hashes: erasure.py
    purges/0000000001.parquet                   which texts were too old: purging.py
Rows count once the log has their load_id. The log's file is the last that a load writes, in one
atomic step, and its name is the load's number: of two loads at one time only one can have it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.lake.reading import (
    FORMAT,
    LOG,
    show_purges,
    show_tombstones,
    shown_files,
    urls,
)
from llm_analytics.lake.storage import Storage
from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.loading.landing import SCHEMA, with_values

#: Schema of the views over what earlier loads have written.
_EARLIER = "lake"


class LakeTarget:
    """A lake in the middle of a load; its rows wait in tables in memory, or spilled."""

    def __init__(self, storage: Storage, work: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._storage = storage
        self._work = work
        self._folder = folder
        self._files: dict[str, list[str]] = {}
        show_tombstones(self.run, storage)

    def begin(self) -> None:
        """Wait for the lock, and find what the lake holds."""
        is_alone = self._storage.lock()
        show_tombstones(self.run, self._storage)
        show_purges(self.run, self._storage)
        self._files = shown_files(self.run, self._storage)
        shown = {name for names in self._files.values() for name in names}
        for name in self._storage.names(SCHEMA) if is_alone else ():
            if name not in shown:
                # What a load that was killed has left.
                self._storage.remove(name)
        self.run(f"create schema {_EARLIER}")

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has any."""
        return self._work.execute(with_values(sql, values)).fetchall()

    def staged(self, name: str, columns: dict[str, str]) -> str:
        """Say where the staged rows can be read."""
        return f"stage.{name}"

    def earlier(self, table: str) -> str:
        """Make a view over the files of earlier loads, with the columns that the table has now."""
        if table not in self._files:
            return f"{SCHEMA}.{table}"
        names = [row[0] for row in self.run(f"describe {SCHEMA}.{table}")]
        self.run(
            f"create or replace view {_EARLIER}.{table} as with rows as ("
            f"select * from {SCHEMA}.{table} where false union all by name"
            f" select * from read_parquet({urls(self._storage, self._files[table])},"
            " hive_partitioning = false, union_by_name = true))"
            " select " + ", ".join(f'"{name}"' for name in names) + " from rows"
        )
        return f"{_EARLIER}.{table}"

    def key(self, event_id: str) -> str:
        """Say what to group event ids by: their 64-bit hash."""
        return f"hash({event_id})"

    def commit(self) -> None:
        """Write the rows, then the row of the log that shows them."""
        [(load_seq, date)] = self.run(
            f"select load_seq, cast(loaded_at as date) from {SCHEMA}.loads"
        )
        load_id = f"{load_seq:010d}-{secrets.token_hex(4)}"
        written: dict[str, str] = {}
        for (table,) in self.run(
            "select table_name from duckdb_tables() where schema_name = ? and table_name <> 'loads'"
            " order by table_name",
            [SCHEMA],
        ):
            if self.run(f"select 1 from {SCHEMA}.{table} limit 1"):
                name = f"{SCHEMA}/{table}/load_date={date}/load_id={load_id}/rows.parquet"
                self._storage.put(self._copy(f"select * from {SCHEMA}.{table}"), name)
                written[table] = name
        log = self._copy(
            f"select *, {quote_text(load_id)} as load_id, {quote_text(','.join(written))} as tables"
            f" from {SCHEMA}.loads"
        )
        if not self._storage.put_new(log, f"{LOG}/{load_seq:010d}.parquet"):
            for name in written.values():
                self._storage.remove(name)
            raise LlmAnalyticsError(
                f"{self._storage.location}: another load was done meanwhile; nothing was changed,"
                " load again"
            )

    def rollback(self) -> None:
        """Undo nothing: before the commit, nothing is in the lake."""

    def close(self) -> None:
        """Let the next load begin."""
        self._storage.unlock()

    def _copy(self, query: str) -> Path:
        """The rows of a query as a Parquet file of this load's own folder."""
        file = self._folder / "rows.parquet"
        self.run(f"copy ({query}) to {quote_text(str(file))} ({FORMAT})")
        return file
