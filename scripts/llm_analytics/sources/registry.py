"""Which sources there are: each folder of schemas has a module of its name beside this one."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.sources.base import Source, schema_directory

EVENTS = "events"


@cache
def source_names() -> tuple[str, ...]:
    """The names of all sources; the tracking plan's own events first."""
    folders = sorted(path.parent.name for path in schema_directory().glob("*/*.json"))
    return (EVENTS, *dict.fromkeys(folders))


@cache
def find_source(name: str) -> Source:
    """The source of this name. Raises LlmAnalyticsError for an unknown one."""
    if name not in source_names():
        raise LlmAnalyticsError(f"unknown source {name!r}; known: {', '.join(source_names())}")
    if name == EVENTS:
        return Source(EVENTS)
    return Source(name, import_module(f"llm_analytics.sources.{name}").UNPACKER)
