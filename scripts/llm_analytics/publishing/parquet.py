"""The published file as one Parquet file per mart, for readers without a database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

_CURRENT = "current"


def export_parquet(published: Path, folder: Path, version: int, n_kept: int) -> Path:
    """Writes every table of a published file into FOLDER/v<version>; returns FOLDER/current.

    `current` is a link that is renamed into place when all files are there.
    """
    unfinished = folder / f".v{version}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with duckdb.connect(str(published), read_only=True) as reader:
        tables = reader.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        for schema, table in tables:
            target = str(unfinished / f"{table}.parquet").replace("'", "''")
            reader.execute(
                f'copy "{schema}"."{table}" to \'{target}\' (format parquet, compression zstd)'
            )
    finished = folder / f"v{version}"
    shutil.rmtree(finished, ignore_errors=True)
    unfinished.rename(finished)
    link = folder / f".{_CURRENT}"
    link.unlink(missing_ok=True)
    link.symlink_to(finished.name)
    os.replace(link, folder / _CURRENT)
    earlier = sorted(
        (item for item in folder.glob("v*") if item.name[1:].isdigit()),
        key=lambda item: int(item.name[1:]),
    )
    for item in earlier[:-n_kept]:
        if item != finished:
            shutil.rmtree(item)
    return folder / _CURRENT
