"""Reads a lake: its raw tables as views of a database in memory that reaches nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.lake.storage import Storage
from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.loading.landing import SCHEMA, DuckDbTarget
from llm_analytics.scratch import scratch_folder
from llm_analytics.warehouse import confine, explain_duckdb_error, open_duckdb

LOG = f"{SCHEMA}/loads"
#: Beside the raw tables: a file for each erasure. See erasure.py.
ERASURES = "erasures"
#: Likewise for each purge. See purging.py.
PURGES = "purges"
#: Schema of the raw tables with the file and the place in it of each row.
PLACES = "places"


@dataclass(frozen=True)
class OpenLake:
    """What a lake holds: `target` has its tables in the schemas raw and places."""

    storage: Storage
    target: DuckDbTarget
    #: For files in the making; the connection reaches it and the lake alone.
    folder: Path
    #: Names of the files that the log shows, by table.
    files: dict[str, list[str]]

    def copy(self, query: str, file: Path) -> None:
        """Writes the rows of a query to a file of the folder."""
        self.target.run(f"copy ({query}) to {quote_text(str(file))} ({FORMAT})")

    def write(self, query: str, name: str) -> None:
        """Puts the rows of a query into the lake as a file, in the place of one of that name."""
        file = self.folder / "rows.parquet"
        self.copy(query, file)
        self.storage.put(file, name)


FORMAT = "format parquet, compression zstd"


def load_id_of(name: str) -> str | None:
    """The id of the load that wrote a file, from the folders that it is in."""
    parts = name.split("/")
    return next((f.removeprefix("load_id=") for f in parts if f.startswith("load_id=")), None)


def urls(storage: Storage, names: Iterable[str]) -> str:
    """Files of a lake as a list in SQL."""
    return f"[{', '.join(quote_text(f'{storage.location}/{name}') for name in names)}]"


def shown_files(
    run: Callable[[str], list[tuple[Any, ...]]], storage: Storage
) -> dict[str, list[str]]:
    """Names of the files whose rows count, by raw table: those of the log, and of loads in it."""
    log = storage.names(LOG)
    if not log:
        return {}
    found = {"loads": log}
    shown = {row[0] for row in run(f"select load_id from read_parquet({urls(storage, log)})")}
    for name in storage.names(SCHEMA):
        table = name.split("/")[1]
        if table != "loads" and load_id_of(name) in shown:
            found.setdefault(table, []).append(name)
    return found


def show_tombstones(run: Callable[[str], Any], storage: Storage) -> None:
    """Shows who was erased from a lake in the tables that a warehouse has for it."""
    if names := storage.names(ERASURES):
        files = f"read_parquet({urls(storage, names)})"
        run(f"create schema if not exists {SCHEMA}")
        run(f"create or replace view {SCHEMA}.erasure_key as select distinct hash_key from {files}")
        run(
            f"create or replace view {SCHEMA}.erased_keys as"
            f" select unnest(key_hashes) as key_hash, erasure_id from {files}"
        )


def show_purges(run: Callable[[str], Any], storage: Storage) -> None:
    """Shows what was purged from a lake in the table that a warehouse has for it."""
    if names := storage.names(PURGES):
        run(f"create schema if not exists {SCHEMA}")
        run(
            f"create or replace view {SCHEMA}.purges as select purge_id, purged_at, policy_version,"
            " table_name, cast(sum(n_rows) as bigint) as n_rows"
            f" from read_parquet({urls(storage, names)}) group by all"
        )


@contextmanager
def open_lake(storage: Storage) -> Iterator[OpenLake]:
    """Opens a lake to read it, or to write files anew; closed at the end.

    Raises LlmAnalyticsError if it cannot be read.
    """
    with scratch_folder() as folder:
        connection = open_duckdb(":memory:", settings={"temp_directory": str(folder / "spill")})
        try:
            storage.open_for(connection)
            confine(connection, [str(folder), storage.location])
            target = DuckDbTarget(connection)
            files = shown_files(target.run, storage)
            for schema in (SCHEMA, PLACES):
                target.run(f"create schema {schema}")
            for table, names in files.items():
                read = f"read_parquet({urls(storage, names)}, union_by_name = true"
                rows = f"{read}, hive_partitioning = false"
                target.run(f"create view {SCHEMA}.{table} as select * from {rows})")
                target.run(
                    f"create view {PLACES}.{table} as"
                    f" select * from {rows}, filename = true, file_row_number = true)"
                )
            yield OpenLake(storage, target, folder, files)
        except (duckdb.Error, OSError) as error:
            raise explain_duckdb_error(error, storage.location) from error
        finally:
            connection.close()
