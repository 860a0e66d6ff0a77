"""Write raw events straight into a warehouse, typed from the tracking plan, without the loader.

What a load would land, and nothing that it would refuse: the tests that use this are about the
models. Events are plain dictionaries as a tracker sends them, with `timestamp` in epoch
milliseconds or as an ISO string; columns that the loader derives (`text_signature_1` …) may be
given too. Unknown fields are an error, so that a test cannot misspell one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from llm_analytics.tracking_plan import read_plan
from support.project import DbtProject

#: When the first load of a test is made: after every event of the histories.
FIRST_LOADED_AT = datetime(2025, 12, 1)

_EPOCH = datetime(1970, 1, 1)
_LOADS = {
    "load_seq": "bigint primary key",
    "loaded_at": "timestamp",
    "source": "varchar",
    "policy": "varchar",
    "is_keyed": "boolean",
    "n_lines": "bigint",
    "n_blank": "bigint",
    "n_accepted": "bigint",
    "n_duplicates": "bigint",
    "n_quarantined": "bigint",
    "n_files": "integer",
}
_QUARANTINE = {
    "load_seq": "bigint",
    "file_number": "integer",
    "line_number": "bigint",
    "byte_offset": "bigint",
    "stream": "varchar",
    "reason": "varchar",
    "detail": "varchar",
    "raw_text": "varchar",
    "raw_sha256": "varchar",
}


class RawEvent(NamedTuple):
    """One event as it landed: its stream, its fields, the load that brought it."""

    stream: str
    fields: Mapping[str, Any]
    load_seq: int = 1


@dataclass(frozen=True)
class Load:
    """One load: its number, what it landed, and how many duplicates of landed events it held."""

    load_seq: int
    events: Sequence[RawEvent]
    n_duplicates: int = 0
    loaded_at: datetime | None = None


def occurred_at(fields: Mapping[str, Any]) -> datetime:
    """When an event happened, UTC without zone: `timestamp` is epoch milliseconds or ISO text."""
    timestamp = fields["timestamp"]
    if isinstance(timestamp, int):
        return _EPOCH + timedelta(milliseconds=timestamp)
    moment = datetime.fromisoformat(timestamp)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def loaded_at(load: Load) -> datetime:
    """When a load was made: as it says, else one minute after the load before."""
    return load.loaded_at or FIRST_LOADED_AT + timedelta(minutes=load.load_seq)


def create_raw_tables(project: DbtProject) -> None:
    """Create the raw tables of all streams and of the loader's log, empty."""
    statements = ["create schema if not exists raw"]
    tables = {
        f"events_{name}": stream.landed_columns() for name, stream in sorted(read_plan().items())
    } | {"loads": _LOADS, "quarantine": _QUARANTINE}
    for table, columns in tables.items():
        body = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        statements.append(f"create table if not exists raw.{table} ({body})")
    project.execute(*statements)


def write_loads(project: DbtProject, loads: Iterable[Load]) -> None:
    """Land the events of loads and log the loads, in one transaction."""
    statements: list[str] = []
    for load in loads:
        statements += _insert_events(load)
        n_accepted = len(load.events)
        row = (
            load.load_seq, loaded_at(load), "events", "drop", False,
            n_accepted + load.n_duplicates, 0, n_accepted, load.n_duplicates, 0, 1,
        )  # fmt: skip
        statements.append(f"insert into raw.loads ({', '.join(_LOADS)}) values {_tuple(row)}")
    if statements:
        project.execute(*statements)


def _insert_events(load: Load) -> list[str]:
    """One insert per stream and set of fields of a load."""
    plan = read_plan()
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for line_number, event in enumerate(load.events, start=1):
        fields = {
            "occurred_at": occurred_at(event.fields),
            "load_seq": load.load_seq,
            "file_number": 1,
            "line_number": line_number,
        } | {name: value for name, value in event.fields.items() if name != "timestamp"}
        unknown = fields.keys() - plan[event.stream].landed_columns().keys()
        if unknown:
            raise ValueError(f"{event.stream} has no column {', '.join(sorted(unknown))}")
        names = tuple(sorted(fields))
        values = _tuple(tuple(fields[name] for name in names))
        groups[event.stream, names].append(values)
    return [
        f"insert into raw.events_{stream} ({', '.join(names)}) values {', '.join(rows)}"
        for (stream, names), rows in groups.items()
    ]


def _tuple(values: Sequence[object]) -> str:
    return f"({', '.join(map(_literal, values))})"


def _literal(value: object) -> str:
    """A value as an SQL literal that DuckDB and PostgreSQL both read."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no literal for {type(value).__name__}")
