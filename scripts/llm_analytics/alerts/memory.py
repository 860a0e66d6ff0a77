"""What people were told: a small file outside the warehouse, for marts are rebuilt from nothing.

A notice is a fact about the world, not about the events: no mart can hold it, and a DuckDB file may
be a published copy, or held by a build. The file is replaced whole, under a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.warehouse import Warehouse, project_root

VARIABLE = "LLM_ANALYTICS_ALERT_STATE"


class Status(StrEnum):
    """pending: to be told. told: its opening was. acknowledged: history, told to nobody."""

    PENDING = "pending"
    TOLD = "told"
    ACKNOWLEDGED = "acknowledged"


@dataclass
class Memory:
    """One trouble that was seen, and what was told of it; times are UTC."""

    rule: str
    value: str
    severity: str
    opened_at: datetime
    last_seen_at: datetime
    status: Status = Status.PENDING
    #: Was the end of a told one told?
    is_over: bool = False
    #: Digests of the channels that have the notice which is on its way.
    reached: list[str] = field(default_factory=list)


@dataclass
class Book:
    """All memories; `is_new` before the first is written."""

    memories: list[Memory]
    is_new: bool
    path: Path | None = None

    def save(self) -> None:
        """Replace the file whole. Raises LlmAnalyticsError if it cannot be written."""
        if self.path is None:
            return
        rows = [
            {
                **asdict(each),
                "opened_at": each.opened_at.isoformat(),
                "last_seen_at": each.last_seen_at.isoformat(),
            }
            for each in self.memories
        ]
        beside = self.path.with_name(self.path.name + ".new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                json.dump({"version": 1, "incidents": rows}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise LlmAnalyticsError(f"{self.path}: {error.strerror}") from error
        self.is_new = False


def state_path(warehouse: Warehouse) -> Path:
    """The file that the environment names, else one beside the DuckDB file or in the project."""
    if named := os.environ.get(VARIABLE, "").strip():
        return Path(named)
    if warehouse.is_postgres:
        return project_root() / "alerts.state.json"
    return Path(f"{warehouse.location}.alerts.json")


def read_book(path: Path) -> Book:
    """The memories of a file; none, and new, where there is no file.

    Raises LlmAnalyticsError if it is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Book([_memory(each) for each in content["incidents"]], is_new=False)
    except FileNotFoundError:
        return Book([], is_new=True)
    except OSError as error:
        raise LlmAnalyticsError(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise LlmAnalyticsError(
            f"{path} is no state of alerts ({error}); without it, what is recent is told again"
        ) from error


@contextmanager
def open_book(path: Path) -> Iterator[Book]:
    """The same, to be written; no other command can have it meanwhile.

    Raises LlmAnalyticsError if another has it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise LlmAnalyticsError(f"{path}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LlmAnalyticsError(f"{path} is in use by another `alert send`") from error
        book = read_book(path)
        book.path = path
        yield book


def _memory(row: dict[str, Any]) -> Memory:
    return Memory(
        rule=str(row["rule"]),
        value=str(row["value"]),
        severity=str(row["severity"]),
        opened_at=datetime.fromisoformat(row["opened_at"]),
        last_seen_at=datetime.fromisoformat(row["last_seen_at"]),
        status=Status(row["status"]),
        is_over=bool(row["is_over"]),
        reached=[str(each) for each in row["reached"]],
    )
