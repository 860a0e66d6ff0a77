"""Where the warehouse is, and connections to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from llm_analytics.errors import LlmAnalyticsError, LockedWarehouseError

DEFAULT_FILE = "warehouse.duckdb"
#: A file of such a name would be a database of the name of one of its schemas.
_SCHEMAS = ("raw", "staging", "intermediate", "marts", "restricted")
_LOCKED = re.compile(r"Conflicting lock is held in .*?\(PID (\d+)\)", re.DOTALL)


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB file or a PostgreSQL database, named by LLM_ANALYTICS_WAREHOUSE."""

    location: str

    @property
    def is_postgres(self) -> bool:
        """Whether the location is a PostgreSQL URL."""
        return self.location.startswith(("postgresql://", "postgres://"))

    @property
    def label(self) -> str:
        """The location as it may be shown: without a password."""
        if not self.is_postgres:
            return self.location
        url = urlsplit(self.location)
        return f"postgresql://{url.hostname or 'localhost'}{url.path}"


def project_root() -> Path:
    """The nearest folder upwards that holds dbt_project.yml, else the current one."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "dbt_project.yml").is_file()), here)


def resolve_warehouse() -> Warehouse:
    """The warehouse that the environment names, else warehouse.duckdb at the project's root.

    Raises LlmAnalyticsError for a file that is named like a schema.
    """
    named = os.environ.get("LLM_ANALYTICS_WAREHOUSE", "").strip()
    if Path(named).name.partition(".")[0].lower() in _SCHEMAS and "://" not in named:
        raise LlmAnalyticsError(
            f"{named} is named like a schema, so that names in it would be ambiguous: give the file"
            " another name"
        )
    return Warehouse(named or str(project_root() / DEFAULT_FILE))


def named_lake() -> str | None:
    """The lake that the environment names: a folder or a URL that loads go to."""
    return os.environ.get("LLM_ANALYTICS_LAKE", "").strip() or None


def explain_duckdb_error(error: Exception, location: str) -> LlmAnalyticsError:
    """One clear line for what DuckDB reports when a warehouse file cannot be used."""
    text = str(error)
    if locked := _LOCKED.search(text):
        return LockedWarehouseError(
            f"{location} is locked by pid {locked.group(1)}; close it first"
        )
    if "Could not set lock" in text:
        return LockedWarehouseError(f"{location} is locked by another process; close it first")
    if "not a valid DuckDB database" in text or "magic bytes" in text:
        return LlmAnalyticsError(f"{location} is not a warehouse file (no DuckDB database)")
    if "checksum" in text:
        return LlmAnalyticsError(
            f"{location} is damaged, as by a kill or a power cut while it was written: put a backup"
            " in its place (`llm-analytics restore FILE --replace`), load what came since"
        )
    if "No space left" in text or "File too large" in text or "Disk quota" in text:
        return LlmAnalyticsError("the disk is full; nothing was changed")
    if "Out of Memory" in text and "max_temp_directory_size" in text:
        return LlmAnalyticsError("the disk is full (temporary files); nothing was changed")
    return LlmAnalyticsError(f"{location}: {text.strip().splitlines()[0]}")


def open_duckdb(
    location: str, read_only: bool = False, settings: dict[str, Any] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file in UTC; errors are one line.

    One that reads reaches no other file but those of a lake in a folder, which views are over.
    """
    try:
        connection = duckdb.connect(
            location,
            read_only=read_only,
            config={
                "autoload_known_extensions": "false",
                "autoinstall_known_extensions": "false",
                # As in profiles.yml, for either may make the file.
                "storage_compatibility_version": "v1.4.0",
                **(settings or {}),
            },
        )
        if connection.execute("select current_setting('lock_configuration')").fetchall()[0][0]:
            return connection  # one more of this process: all is set
        # For all cursors: they do not take over what is set for a connection alone.
        connection.execute("set global TimeZone = 'UTC'")
        if read_only:
            lake = named_lake() or "://"
            # Views spell its folder as it was given, or as it is seen from anywhere.
            folders = [] if "://" in lake else [lake.rstrip("/"), str(Path(lake).absolute())]
            confine(connection, folders)
    except (duckdb.Error, OSError) as error:
        raise explain_duckdb_error(error, location) from error
    return connection


def confine(connection: duckdb.DuckDBPyConnection, folders: Iterable[str] = ()) -> None:
    """Lets a connection reach what it has open and these folders, no more, and for good."""
    allowed = ", ".join("'" + f"{folder}/".replace("'", "''") + "'" for folder in folders)
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def open_postgres(location: str) -> Any:
    """A psycopg2 connection in UTC. Raises LlmAnalyticsError without the extra or the server."""
    try:
        import psycopg2
    except ImportError as error:
        raise LlmAnalyticsError(
            "PostgreSQL needs the extra `postgres`: pip install 'llm-analytics[postgres]'"
        ) from error
    try:
        return psycopg2.connect(location, options="-c timezone=UTC")
    except psycopg2.Error as error:
        line = (str(error).strip().splitlines() or ["unknown error"])[0]
        raise LlmAnalyticsError(f"cannot open {Warehouse(location).label}: {line}") from error
