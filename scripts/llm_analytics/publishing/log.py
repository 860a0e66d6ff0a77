"""What was published, and shown again: raw.publications, which the mart privacy_audit reads.

A publication is noted before readers can see it, and once more when they do, so that one that was
killed between is on the record too. The published file itself does not change by it: the note is in
the mart from the next build on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from llm_analytics.privacy.erasure import opened_for_notes
from llm_analytics.privacy.subjects import SCHEMA
from llm_analytics.publishing.writing import count_rows, describe
from llm_analytics.warehouse import Warehouse

_TABLE = f"{SCHEMA}.publications"


class Act(StrEnum):
    """published: a new version. rolled_back: an older one, shown again."""

    PUBLISHED = "published"
    ROLLED_BACK = "rolled_back"


class Form(StrEnum):
    """file: the DuckDB file. parquet, postgres: the copies beside it."""

    FILE = "file"
    PARQUET = "parquet"
    POSTGRES = "postgres"


def begin(warehouse: Warehouse, act: Act, form: Form, path: Path) -> int:
    """Notes that what the published file at `path` holds is about to be shown; returns its number.

    Raises LlmAnalyticsError if the warehouse cannot be written to.
    """
    about = describe(path)
    with opened_for_notes(warehouse) as target:
        target.begin()
        try:
            target.run(f"create schema if not exists {SCHEMA}")
            target.run(
                f"create table if not exists {_TABLE} (publication_id bigint not null primary key,"
                " act varchar not null, form varchar not null, version bigint not null,"
                " n_marts bigint not null, n_rows bigint not null, has_ids boolean not null,"
                " policy_version varchar, began_at timestamp not null, completed_at timestamp)"
            )
            number = target.run(f"select coalesce(max(publication_id), 0) + 1 from {_TABLE}")[0][0]
            target.run(
                f"insert into {_TABLE} values (?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
                [
                    number, act.value, form.value, about["version"], about["n_marts"],
                    count_rows(path), about["has_ids"], about["policy_version"], _now(),
                ],
            )  # fmt: skip
        except BaseException:
            target.rollback()
            raise
        target.commit()
    return int(number)


def complete(warehouse: Warehouse, number: int) -> None:
    """Notes that readers see it. Raises LlmAnalyticsError if the warehouse cannot be written to."""
    with opened_for_notes(warehouse) as target:
        target.begin()
        target.run(
            f"update {_TABLE} set completed_at = ? where publication_id = ?", [_now(), number]
        )
        target.commit()


@contextmanager
def noted(warehouse: Warehouse, form: Form, path: Path) -> Iterator[None]:
    """Notes a copy of the published file at `path`, before it is made and when it is.

    Raises LlmAnalyticsError if the warehouse cannot be written to.
    """
    number = begin(warehouse, Act.PUBLISHED, form, path)
    yield
    complete(warehouse, number)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
