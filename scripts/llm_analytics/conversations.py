"""`llm-analytics conversations`: from a metric or an incident to the conversations behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_mart, read_rows
from llm_analytics.results import has_table
from llm_analytics.warehouse import Warehouse, resolve_warehouse

#: Which interactions a metric is about: a condition on fct_interactions, and what comes first.
BEHIND = {
    "abandonment_rate": ("end_state <> 'normal'", "asked_at desc"),
    "availability": ("n_failed_attempts > 0", "asked_at desc"),
    "complaint_rate": ("thumbs = 'down' or end_state = 'negative_feedback'", "asked_at desc"),
    "cost_per_interaction": ("cost_usd is not null", "cost_usd desc"),
    "error_rate": ("n_failed_attempts > 0", "n_failed_attempts desc"),
    "input_tokens_per_attempt": ("input_tokens is not null", "input_tokens desc"),
    "latency_p95": ("latency_ms is not null", "latency_ms desc"),
    "model_cost": ("cost_usd is not null", "cost_usd desc"),
    "refinement_rate": ("refinement_rule is not null", "asked_at desc"),
    "slow_answer_rate": ("latency_ms is not null", "latency_ms desc"),
    "thumbs_ratio": ("thumbs = 'down'", "asked_at desc"),
    "tokens_per_response": ("answer_output_tokens is not null", "answer_output_tokens desc"),
    "user_error_rate": ("is_answered = false", "asked_at desc"),
}
#: Columns of fct_interactions that --where may name.
FILTERS = (
    "app_version", "conversation_id", "end_state", "environment", "feature", "interaction_date",
    "interaction_id", "kind", "model", "platform", "prompt_name", "prompt_version", "provider",
    "refinement_rule", "session_id", "source", "thumbs", "user_id",
)  # fmt: skip
_SHOWN = (
    "interaction_id", "conversation_id", "session_id", "feature", "model", "end_state", "thumbs",
    "refinement_rule", "turn_number", "n_attempts", "n_failed_attempts", "latency_ms", "cost_usd",
    "query_length", "response_length", "is_answered", "asked_at",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which interactions to show: conditions with ? for their values, and what comes first."""

    conditions: tuple[str, ...]
    values: tuple[object, ...]
    order: str


def find_conversations(
    warehouse: Warehouse, wanted: Wanted, words: Sequence[str], sample: int
) -> list[dict[str, Any]]:
    """So many of the interactions, each with its texts; of a conversation the first that is wanted.

    Words are looked for in the texts of the interaction: each has to be in one of them, whatever
    its case. Raises LlmAnalyticsError without a build, or where words are looked for and the policy
    kept no text.
    """
    has_texts = has_table("restricted", "transcripts", warehouse)
    if words and not (has_texts and _has_any_text(warehouse)):
        raise LlmAnalyticsError(
            "there is no text to search: the policy dropped it when it was loaded (docs/review.md)"
        )
    conditions, values = list(wanted.conditions), list(wanted.values)
    for word in words:
        conditions.append(
            "interaction_id in (select interaction_id from restricted.transcripts"
            " where lower(kept_text) like ? escape '!')"
        )
        values.append("%" + re.sub("([!%_])", r"!\1", word.lower()) + "%")
    where = " and ".join(f"({each})" for each in conditions) or "true"
    columns = ", ".join(_SHOWN)
    rows = _read(
        f"select {columns} from (select {columns}, {wanted.order.partition(' ')[0]} as sort_value,"
        " row_number() over (partition by coalesce(conversation_id, interaction_id)"
        f" order by {wanted.order}, interaction_id) as place"
        f" from marts.fct_interactions where {where}) as ranked where place = 1"
        f" order by sort_value desc, interaction_id limit {int(sample)}",
        "marts.fct_interactions",
        values,
        warehouse,
    )
    for row in rows:
        row["texts"] = _texts(row["interaction_id"], warehouse) if has_texts else []
    return rows


def wanted_by(metric: str | None, filters: Sequence[str], incident: str | None) -> Wanted:
    """What the options ask for. Raises LlmAnalyticsError for a metric or column that is none."""
    conditions: list[str] = []
    values: list[object] = []
    if incident is not None:
        found = read_mart("incidents", order_by="opened_at", where={"incident_id": incident})
        if not found:
            raise LlmAnalyticsError(f"no incident {incident}: see the mart incidents")
        metric = found[0]["metric"]
        conditions.append("asked_at >= ? and asked_at < ?")
        values += [found[0]["opened_at"], found[0]["last_seen_at"]]
        if found[0]["dimension"] in FILTERS:
            filters = [*filters, f"{found[0]['dimension']}={found[0]['value']}"]
    order = "asked_at desc"
    if metric is not None:
        if metric not in BEHIND:
            raise LlmAnalyticsError(
                f"no conversations are known to be behind {metric}; they are behind"
                f" {', '.join(BEHIND)}"
            )
        condition, order = BEHIND[metric]
        conditions.append(condition)
    for each in filters:
        column, mark, value = each.partition("=")
        if not mark or column not in FILTERS:
            raise LlmAnalyticsError(
                f"--where takes COLUMN=VALUE with one of {', '.join(FILTERS)}, not {each!r}"
            )
        conditions.append(f"cast({column} as varchar) = ?")
        values.append(value)
    return Wanted(tuple(conditions), tuple(values), order)


def _read(
    statement: str, needs: str, values: Sequence[object], warehouse: Warehouse
) -> list[dict[str, Any]]:
    """Rows of a statement with ? for values, on either engine."""
    if warehouse.is_postgres:
        statement = statement.replace("%", "%%").replace("?", "%s")
    return read_rows(statement, needs, values, warehouse)


def _has_any_text(warehouse: Warehouse) -> bool:
    rows = read_rows(
        "select 1 as one from restricted.transcripts limit 1",
        "restricted.transcripts",
        (),
        warehouse,
    )
    return bool(rows)


def _texts(interaction_id: str, warehouse: Warehouse) -> list[dict[str, Any]]:
    return _read(
        "select speaker, kept_text, said_at from restricted.transcripts where interaction_id = ?"
        " order by position, said_at, event_id",
        "restricted.transcripts",
        [interaction_id],
        warehouse,
    )


def _facts(row: Mapping[str, Any]) -> str:
    """What is known of an interaction without its text."""
    parts = [
        f"{row['asked_at']:%Y-%m-%d %H:%M} UTC",
        f"turn {row['turn_number']}" if row["turn_number"] else None,
        row["feature"],
        row["model"],
        row["end_state"],
        f"{row['latency_ms']:,} ms" if row["latency_ms"] is not None else None,
        f"{row['n_failed_attempts']} of {row['n_attempts']} attempts failed"
        if row["n_failed_attempts"]
        else None,
        f"${row['cost_usd']:,.4f}" if row["cost_usd"] is not None else None,
        f"thumbs {row['thumbs']}" if row["thumbs"] else None,
        row["refinement_rule"],
        f"{row['query_length']:,} characters asked" if row["query_length"] else None,
        f"{row['response_length']:,} answered" if row["response_length"] else None,
    ]
    return " · ".join(str(part).replace("_", " ") for part in parts if part)


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    console = Console()
    for row in rows:
        about = f"conversation {row['conversation_id']}" if row["conversation_id"] else "alone"
        console.print(f"{about}, interaction {row['interaction_id']}", markup=False, style="bold")
        console.print(f"  {_facts(row)}", markup=False, highlight=False)
        for text in row["texts"]:
            # Control characters of a text must not reach a terminal.
            content = "".join(c if c.isprintable() else " " for c in text["kept_text"])
            console.print(f"  {text['speaker']}: {content}", markup=False, highlight=False)
    if rows and not any(row["texts"] for row in rows):
        console.print("The policy dropped the texts when they were loaded: docs/review.md.")
    if not rows:
        console.print("No conversation is like this.")


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def conversations(
        metric: Annotated[
            str | None, typer.Option(help="A metric; those that make it bad, or its extremes.")
        ] = None,
        incident: Annotated[
            str | None, typer.Option(help="An incident_id of the mart incidents.")
        ] = None,
        where: Annotated[
            list[str] | None, typer.Option(help="COLUMN=VALUE of fct_interactions; repeat it.")
        ] = None,
        search: Annotated[
            str, typer.Option(help="Words that the texts hold, where the policy kept them.")
        ] = "",
        sample: Annotated[int, typer.Option(help="How many conversations.", min=1, max=1000)] = 10,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    ) -> None:
        """Show conversations behind a metric or an incident, with the texts that were kept."""
        wanted = wanted_by(metric, where or [], incident)
        rows = find_conversations(resolve_warehouse(), wanted, search.split(), sample)
        if as_json:
            typer.echo(json.dumps(rows, default=str))
            return
        _print(rows)
