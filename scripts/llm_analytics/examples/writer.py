"""Writes events as JSON Lines, one file per stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError

Event = dict[str, Any]


def write_events(folder: Path, events: dict[str, Iterable[Event]]) -> dict[str, int]:
    """Write `<stream>.jsonl` into a folder and return how many events each got, by file name.

    A file appears whole or not at all, in place of an older one. Fields that are None are left out.
    Raises LlmAnalyticsError if the folder cannot be written to.
    """
    counts = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stream, records in events.items():
            path = folder / f"{stream}.jsonl"
            counts[path.name] = _write_lines(path, records)
    except OSError as error:
        raise LlmAnalyticsError(f"cannot write {folder}: {error.strerror or error}") from error
    return counts


def _write_lines(path: Path, records: Iterable[Event]) -> int:
    """One event per line; the file takes its name when it is complete."""
    partial = path.with_suffix(".part")
    n = 0
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for record in records:
                known = {name: value for name, value in record.items() if value is not None}
                file.write(json.dumps(known, ensure_ascii=False, separators=(",", ":")))
                file.write("\n")
                n += 1
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n
