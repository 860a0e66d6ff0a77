"""What the tests of loading share: events, files, loads, and the plain-Python oracle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.loading.load import LoadOptions, LoadReport, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.sources.registry import find_source
from llm_analytics.warehouse import Warehouse

MOMENT = 1_735_732_800_000  # 2025-01-01T12:00:00Z in epoch milliseconds


def query_event(number: int, **fields: Any) -> dict[str, Any]:
    """A valid event of the stream queries."""
    return {
        "event": "llm_query_sent",
        "timestamp": MOMENT + number * 1000,
        "event_id": f"q-{number}",
        "user_id": f"user-{number % 7}",
        "session_id": f"s-{number % 11}",
        "query_text": f"how do I sort list number {number} in python",
        "conversation_turn": number % 5,
        **fields,
    }


def write_lines(path: Path, records: Iterable[Any]) -> Path:
    """Writes JSON lines; a record may also be given as raw bytes."""
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def load_files(
    warehouse: Path | str,
    *paths: Path | str,
    text: str = "drop",
    key: bytes | None = None,
    stream: str | None = None,
    memory_limit: str | None = None,
) -> LoadReport:
    """Loads files of the source events."""
    options = LoadOptions(Policy(TextPolicy(text), key), stream, memory_limit)
    names = [str(path) for path in paths]
    return load(find_source("events"), names, Warehouse(str(warehouse)), options)


def rows(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a warehouse file."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def contents(warehouse: Path, stream: str = "queries") -> Counter[tuple[Any, ...]]:
    """The rows of a raw table without where they came from, as a multiset."""
    sql = f"select * exclude (load_seq, file_number, line_number) from raw.events_{stream}"
    return Counter(rows(warehouse, sql))


def reasons(report: LoadReport) -> list[str]:
    """The reasons of a load's quarantined lines."""
    return list(Counter(report.reasons).elements())
