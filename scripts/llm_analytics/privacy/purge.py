"""`llm-analytics purge`: texts that are older than the policy allows go; what was counted stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.landing import Target
from llm_analytics.privacy.erasure import copy_and_swap, has_table, opened, vacuum
from llm_analytics.privacy.policy import Policy
from llm_analytics.privacy.subjects import SCHEMA, raw_tables
from llm_analytics.sources.registry import find_source, source_names
from llm_analytics.warehouse import Warehouse, named_lake, resolve_warehouse

QUARANTINE = ("quarantine", "raw_text")


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


def purge(warehouse: Warehouse, now: datetime | None = None) -> dict[str, int]:
    """Removes texts whose load is older than the policy's keep_days; how many rows by table.

    What metrics need of a text was computed when it landed, so that no model reads what goes, and a
    full refresh gives the same marts. Raises LlmAnalyticsError.
    """
    if named_lake():
        raise LlmAnalyticsError("texts in a lake (LLM_ANALYTICS_LAKE) are out of reach here")
    policy = Policy.load()
    moment = (now or datetime.now(UTC)).replace(tzinfo=None, microsecond=0)
    counts: dict[str, int] = {}
    with opened(warehouse) as target:
        target.begin()
        try:
            target.run(
                f"create table if not exists {SCHEMA}.purges (purge_id bigint not null,"
                " purged_at timestamp not null, policy_version varchar not null,"
                " table_name varchar not null, n_rows bigint not null)"
            )
            number = target.run(f"select coalesce(max(purge_id), 0) + 1 from {SCHEMA}.purges")
            for table, column in text_columns(target):
                before = moment - timedelta(days=policy.keep_days(table, column))
                where = (
                    f'"{column}" is not null and load_seq in'
                    f" (select load_seq from {SCHEMA}.loads where loaded_at < ?)"
                )
                n_rows = target.run(
                    f"select count(*) from {SCHEMA}.{table} where {where}", [before]
                )[0][0]
                if n_rows:
                    target.run(
                        f'update {SCHEMA}.{table} set "{column}" = null where {where}', [before]
                    )
                    counts[table] = counts.get(table, 0) + int(n_rows)
            for table, n_rows in counts.items():
                target.run(
                    f"insert into {SCHEMA}.purges values (?, ?, ?, ?, ?)",
                    [number[0][0], moment, policy.version, table, n_rows],
                )
        except BaseException:
            target.rollback()
            raise
        target.commit()
    if warehouse.is_postgres:
        vacuum(warehouse)
    else:
        # Also where nothing was found: an earlier call may have been interrupted here.
        copy_and_swap(Path(warehouse.location))
    return counts


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("purge")
    def purge_command(
        is_quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
    ) -> None:
        """Remove texts that are older than the privacy policy allows, down to the bytes."""
        counts = purge(resolve_warehouse())
        if not is_quiet:
            for table, count in counts.items():
                typer.echo(f"raw.{table}: text of {count:,} rows removed")
            if not counts:
                typer.echo("No text is older than the privacy policy allows")
