"""`llm-analytics purge`: texts that are older than the policy allows go; what was counted stays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.lake.purging import purge_lake
from llm_analytics.lake.reading import PURGES, open_lake, show_purges
from llm_analytics.lake.storage import Storage, find_storage
from llm_analytics.loading.landing import Target
from llm_analytics.privacy.erasure import copy_and_swap, opened_for_notes, vacuum
from llm_analytics.privacy.policy import Policy
from llm_analytics.privacy.subjects import SCHEMA
from llm_analytics.privacy.texts import old_texts, utc_now
from llm_analytics.warehouse import Warehouse, named_lake, resolve_warehouse


def purge(warehouse: Warehouse, now: datetime | None = None) -> dict[str, int]:
    """Removes texts whose load is older than the policy's keep_days; how many rows by table.

    What metrics need of a text was computed when it landed, so that no model reads what goes, and a
    full refresh gives the same marts. Raises LlmAnalyticsError.
    """
    moment = now or utc_now()
    if lake := named_lake():
        if warehouse.is_postgres:
            raise LlmAnalyticsError("PostgreSQL reads no lake: unset LLM_ANALYTICS_LAKE")
        storage = find_storage(lake)
        counts = purge_lake(storage, moment)
        if Path(warehouse.location).exists():
            _take_over(warehouse, storage)
        return counts
    counts = _empty(warehouse, moment)
    if warehouse.is_postgres:
        vacuum(warehouse)
    else:
        # Also where nothing was found: an earlier call may have been interrupted here.
        copy_and_swap(Path(warehouse.location))
    return counts


def _empty(warehouse: Warehouse, moment: datetime) -> dict[str, int]:
    """Takes the texts out of the raw tables, and notes it, in one transaction."""
    policy = Policy.load()
    counts: dict[str, int] = {}
    with opened_for_notes(warehouse) as target:
        target.begin()
        try:
            _ensure_log(target)
            number = target.run(f"select coalesce(max(purge_id), 0) + 1 from {SCHEMA}.purges")[0][0]
            for texts in old_texts(target, policy, moment):
                table = f"{SCHEMA}.{texts.table}"
                n_rows = target.run(f"select count(*) from {table} where {texts.rows}")[0][0]
                if n_rows:
                    target.run(f'update {table} set "{texts.column}" = null where {texts.rows}')
                    counts[texts.table] = counts.get(texts.table, 0) + int(n_rows)
            _log(target, ((number, moment, policy.version, *one) for one in counts.items()))
        except BaseException:
            target.rollback()
            raise
        target.commit()
    return counts


def _take_over(warehouse: Warehouse, storage: Storage) -> None:
    """Notes in a warehouse what was purged from its lake; the warehouse itself holds no text."""
    if not storage.names(PURGES):
        return
    with open_lake(storage) as lake:
        show_purges(lake.target.run, storage)
        noted = lake.target.run(f"select * from {SCHEMA}.purges order by purge_id, table_name")
    with opened_for_notes(warehouse) as target:
        target.begin()
        _ensure_log(target)
        known = {number for (number,) in target.run(f"select purge_id from {SCHEMA}.purges")}
        _log(target, (row for row in noted if row[0] not in known))
        target.commit()


def _ensure_log(target: Target) -> None:
    """Creates the log of purges where it is absent."""
    target.run(f"create schema if not exists {SCHEMA}")
    target.run(
        f"create table if not exists {SCHEMA}.purges (purge_id bigint not null,"
        " purged_at timestamp not null, policy_version varchar not null,"
        " table_name varchar not null, n_rows bigint not null)"
    )


def _log(target: Target, rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        target.run(f"insert into {SCHEMA}.purges values (?, ?, ?, ?, ?)", row)


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
