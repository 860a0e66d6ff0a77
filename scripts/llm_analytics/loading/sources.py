"""Where records can come from; each source has raw tables of its own."""

from __future__ import annotations

from typing import Protocol

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.tracking_plan import Stream, read_plan


class Source(Protocol):
    """A kind of export that `load` understands."""

    @property
    def name(self) -> str:
        """The name on the command line and the prefix of its raw tables."""

    def streams(self) -> dict[str, Stream]:
        """What its records may be, by stream."""


class EventsSource:
    """The tracking plan's own events: typed landing, one column a field."""

    name = "events"

    def streams(self) -> dict[str, Stream]:
        """The streams of the tracking plan."""
        return read_plan()


_SOURCES: tuple[Source, ...] = (EventsSource(),)


def source_names() -> list[str]:
    """The names of all sources."""
    return [source.name for source in _SOURCES]


def find_source(name: str) -> Source:
    """The source of this name. Raises LlmAnalyticsError for an unknown one."""
    for source in _SOURCES:
        if source.name == name:
            return source
    raise LlmAnalyticsError(f"unknown source {name!r}; known: {', '.join(source_names())}")
