"""`llm-analytics export-subject`: all that is held about a person, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from llm_analytics.loading.policy import Policy
from llm_analytics.privacy.erasure import opened
from llm_analytics.privacy.subjects import SCHEMA, find_subject, forms_of, has_table
from llm_analytics.privacy.tombstones import known_keys
from llm_analytics.warehouse import Warehouse, resolve_warehouse


def export_subject(warehouse: Warehouse, user: str) -> dict[str, Any]:
    """Every raw row of a person by table, with the ids under which it was found.

    Marts hold nothing that does not follow from these rows. Changes nothing. Raises
    LlmAnalyticsError.
    """
    with opened(warehouse) as target:
        target.begin()
        try:
            subject = find_subject(target, forms_of([user], known_keys(Policy.from_environment())))
            found: dict[str, list[dict[str, Any]]] = {}
            for table in subject.tables:
                columns = sorted(table.columns)
                names = ", ".join(f'"{column}"' for column in columns)
                order = ", ".join(c for c in ("occurred_at", "event_id") if c in table.columns)
                rows = target.run(
                    f"select {names} from {SCHEMA}.{table.name}"
                    f" where {subject.is_theirs(table)} order by {order}"
                )
                if rows:
                    found[table.name] = [
                        {k: v for k, v in zip(columns, row, strict=True) if v is not None}
                        for row in rows
                    ]
            ids = [row[0] for row in target.run("select distinct id from subject_ids order by id")]
            was_erased = has_table(target, "erasures")
        finally:
            target.rollback()
    return {"ids": ids, "rows": found, "warehouse_had_erasures": was_erased}


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("export-subject")
    def export_command(
        user: Annotated[str, typer.Argument(help="The id as the product has it.")],
        out: Annotated[Path | None, typer.Option(help="A file instead of standard output.")] = None,
    ) -> None:
        """Export all that the warehouse holds about a person, as JSON."""
        text = json.dumps(
            export_subject(resolve_warehouse(), user), indent=2, default=str, ensure_ascii=False
        )
        if out is None:
            sys.stdout.write(f"{text}\n")
        else:
            out.write_text(f"{text}\n", encoding="utf-8")
