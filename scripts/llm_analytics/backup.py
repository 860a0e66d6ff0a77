"""`llm-analytics backup` and `restore`: a whole copy of a DuckDB warehouse, and back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from llm_analytics.errors import LlmAnalyticsError, LockedWarehouseError
from llm_analytics.warehouse import open_duckdb, resolve_warehouse


def copy_warehouse(source: Path, destination: Path) -> int:
    """Copy a warehouse that no one writes to, whole or not at all; returns the size in bytes.

    Held open for reading meanwhile, so that no load and no build can begin. What a command that
    died had committed is written into the file first. Raises LlmAnalyticsError if there is none,
    if it is in use, or if the copy cannot be written or read.
    """
    if not source.is_file():
        raise LlmAnalyticsError(f"no warehouse at {source}")
    beside = destination.with_name(destination.name + ".new")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        committed = Path(f"{source}.wal")
        if committed.exists():
            open_duckdb(str(source)).close()
        with open_duckdb(str(source), read_only=True):
            if committed.exists():
                raise LockedWarehouseError(f"{source} is written to by another process; try again")
            shutil.copyfile(source, beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        # A copy that cannot be opened takes nobody's place.
        open_duckdb(str(beside), read_only=True).close()
        # What a command that died had not yet written into the file that is replaced.
        Path(f"{destination}.wal").unlink(missing_ok=True)
        beside.replace(destination)
    except OSError as error:
        raise LlmAnalyticsError(f"{destination}: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return destination.stat().st_size


def copies_of(warehouse: Path) -> list[Path]:
    """The copies of a warehouse that `backup` has made and that are still there."""
    listed = _list_of(warehouse)
    names = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    return [Path(name) for name in dict.fromkeys(names) if Path(name).is_file()]


def _list_of(warehouse: Path) -> Path:
    """Where it is noted, beside the warehouse: an erasure has to say where its people still are."""
    return warehouse.with_name(f"{warehouse.name}.copies")


def _note_copy(warehouse: Path, copy: Path) -> None:
    known = [*copies_of(warehouse), copy.absolute()]
    _list_of(warehouse).write_text("".join(f"{one}\n" for one in known), encoding="utf-8")


def _erasures_in(warehouse: Path) -> set[int]:
    """Numbers of the erasures that a warehouse knows of."""
    with open_duckdb(str(warehouse), read_only=True) as reader:
        try:
            found = reader.execute("select erasure_id from raw.erasures").fetchall()
        except duckdb.Error:
            return set()
    return {number for (number,) in found}


def _erasures_lost(warehouse: Path, copy: Path) -> int:
    """How many erasures a copy does not know of. Raises LockedWarehouseError."""
    try:
        return len(_erasures_in(warehouse) - _erasures_in(copy))
    except LockedWarehouseError:
        raise
    except LlmAnalyticsError:
        return 0  # what is damaged is what a copy is kept for


def _file() -> Path:
    place = resolve_warehouse()
    if place.is_postgres:
        raise LlmAnalyticsError("a PostgreSQL warehouse is copied by pg_dump (docs/operation.md)")
    return Path(place.location)


def register(app: typer.Typer) -> None:
    """Adds both commands."""

    @app.command()
    def backup(
        to: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; replaced if there.")],
    ) -> None:
        """Copy the whole warehouse into a file, while nothing writes to it."""
        n_bytes = copy_warehouse(_file(), to)
        _note_copy(_file(), to)
        typer.echo(f"{to}: {n_bytes:,} bytes")

    @app.command()
    def restore(
        of: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that backup made.")],
        replace: Annotated[
            bool, typer.Option("--replace", help="There is a warehouse; it is replaced.")
        ] = False,
        with_erased: Annotated[
            bool, typer.Option("--with-erased", help="Also if that brings erased people back.")
        ] = False,
    ) -> None:
        """Put a copy in the place of the warehouse."""
        target = _file()
        if target.exists():
            if not replace:
                raise LlmAnalyticsError(f"{target} is there: --replace puts the copy in its place")
            n_lost = _erasures_lost(target, of)
            if n_lost and not with_erased:
                raise LlmAnalyticsError(
                    f"{of} knows nothing of {n_lost} erasure(s) and would bring people back:"
                    " restore it --with-erased and forget them again, or keep what is there"
                )
        n_bytes = copy_warehouse(of, target)
        typer.echo(f"{target}: {n_bytes:,} bytes")
