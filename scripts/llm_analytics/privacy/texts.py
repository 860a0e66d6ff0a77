"""Texts that raw tables hold, and which of them are older than the policy allows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from llm_analytics.loading.landing import Target
from llm_analytics.privacy.policy import Policy
from llm_analytics.privacy.subjects import SCHEMA, has_table, raw_tables
from llm_analytics.sources.registry import find_source, source_names

QUARANTINE = ("quarantine", "raw_text")


class OldTexts(NamedTuple):
    """Texts in a column of a raw table that were loaded before a moment (UTC)."""

    table: str
    column: str
    loaded_before: datetime

    @property
    def rows(self) -> str:
        """SQL condition on the rows of the table that have one."""
        return (
            f'"{self.column}" is not null and load_seq in (select load_seq from {SCHEMA}.loads'
            f" where loaded_at < timestamp '{self.loaded_before}')"
        )


def text_columns(target: Target) -> Iterator[tuple[str, str]]:
    """Raw tables and their text columns, with that of the refused lines."""
    texts = {
        f"{source}_{stream.name}": [item.name for item in stream.text_fields]
        for source in source_names()
        for stream in find_source(source).streams.values()
    }
    for table in raw_tables(target):
        for column in texts[table.name]:
            if column in table.columns:
                yield table.name, column
    if has_table(target, QUARANTINE[0]):
        yield QUARANTINE


def old_texts(target: Target, policy: Policy, now: datetime) -> Iterator[OldTexts]:
    """For each text column, what is older than the policy's keep_days; it may be nothing."""
    for table, column in text_columns(target):
        yield OldTexts(table, column, now - timedelta(days=policy.keep_days(table, column)))


def utc_now() -> datetime:
    """The moment as raw tables note it: UTC, without a zone, in whole seconds."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
