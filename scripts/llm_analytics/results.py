"""Loads what was computed as events of a raw stream, from where the next build brings it on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.load import LoadOptions, LoadReport, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.marts import read_rows
from llm_analytics.scratch import scratch_folder
from llm_analytics.sources.registry import find_source
from llm_analytics.warehouse import Warehouse


def load_results(
    stream: str, events: Iterable[Mapping[str, Any]], warehouse: Warehouse
) -> LoadReport:
    """Loads events of a stream of the tracking plan; what was there already stays there once.

    Ids that come from the warehouse are pseudonyms already where a key is set, so that none is
    applied again. Raises LlmAnalyticsError if an event does not meet the plan: it is quarantined.
    """
    with scratch_folder() as folder:
        file = folder / f"{stream}.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            for event in events:
                lines.write(json.dumps(event, ensure_ascii=False) + "\n")
        options = LoadOptions(Policy(TextPolicy.DROP, None), stream=stream)
        report = load(find_source("events"), [str(file)], warehouse, options)
    if report.n_quarantined:
        raise LlmAnalyticsError(
            f"{report.n_quarantined} results were refused"
            f" ({', '.join(report.reasons)}): see raw.quarantine"
        )
    return report


def loaded_ids(stream: str, prefix: str, warehouse: Warehouse) -> set[str]:
    """Ids of the events of a stream that begin with a prefix (without quotes)."""
    if not has_table("raw", f"events_{stream}", warehouse):
        return set()
    rows = read_rows(
        f"select event_id from raw.events_{stream}"
        f" where left(event_id, {len(prefix)}) = '{prefix}'",
        f"raw.events_{stream}",
        warehouse=warehouse,
    )
    return {str(row["event_id"]) for row in rows}


def has_table(schema: str, name: str, warehouse: Warehouse) -> bool:
    """Is there such a table or view?"""
    rows = read_rows(
        "select table_name from information_schema.tables"
        f" where table_schema = '{schema}' and table_name = '{name}'"
        " and table_catalog = current_database()",
        f"{schema}.{name}",
        warehouse=warehouse,
    )
    return bool(rows)
