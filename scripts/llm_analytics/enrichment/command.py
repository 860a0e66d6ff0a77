"""`llm-analytics enrich`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.enrichment.enrichers import ENGLISH, ENRICHERS, UNDETERMINED, Enricher, Finding
from llm_analytics.enrichment.texts import FeedbackText, read_feedback_texts
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.results import load_results, loaded_ids
from llm_analytics.warehouse import Warehouse, resolve_warehouse

_PREFIX = "enrich-"


@dataclass(frozen=True)
class Enriched:
    """What an enricher did: texts it read now, had read before, or cannot read; its labels."""

    criterion: str
    evaluator_id: str
    n_new: int
    n_known: int
    n_not_english: int
    labels: dict[str, int]


@dataclass(frozen=True)
class EnrichmentReport:
    """What came out, and how many texts were not there to be read."""

    enriched: list[Enriched]
    n_texts: int
    n_dropped: int


def event_id(enricher: Enricher, text: FeedbackText) -> str:
    """The same for the same tool, feedback and text, so that nothing is said twice."""
    content = "\0".join((enricher.evaluator_id, text.feedback_id, text.text))
    return _PREFIX + hashlib.sha256(content.encode()).hexdigest()[:32]


def _event(enricher: Enricher, text: FeedbackText, finding: Finding) -> dict[str, Any]:
    """An evaluation as the tracking plan has it, at the time of the feedback; no word of a text."""
    event: dict[str, Any] = {
        "timestamp": text.occurred_at.isoformat() + "Z",
        "event_id": event_id(enricher, text),
        "response_id": text.response_id,
        "conversation_id": text.conversation_id,
        "criterion": enricher.criterion,
        "evaluator_id": enricher.evaluator_id,
        "evaluator_kind": "code",
        "score": finding.score,
        "label": finding.label,
    }
    return {name: value for name, value in event.items() if value is not None}


def enrich(warehouse: Warehouse, names: Iterable[str]) -> EnrichmentReport:
    """Asks the enrichers of these names about every text, and loads what they say.

    Languages are always told, as only English texts (and those too short to tell) are read by what
    knows English alone. Raises LlmAnalyticsError without texts, the extra, or a build.
    """
    wanted = [name for name in ENRICHERS if name in set(names)]
    if unknown := sorted(set(names) - set(ENRICHERS)):
        raise LlmAnalyticsError(f"cannot tell {unknown[0]}; known: {', '.join(ENRICHERS)}")
    texts = read_feedback_texts(warehouse)
    known = loaded_ids("evaluations", _PREFIX, warehouse)
    teller = ENRICHERS["language"]()
    languages = [found.label for found in teller.enrich([text.text for text in texts.kept])]
    english = [
        text
        for text, name in zip(texts.kept, languages, strict=True)
        if name in (ENGLISH, UNDETERMINED)
    ]
    enriched: list[Enriched] = []
    events: list[dict[str, Any]] = []
    for name in wanted:
        enricher = teller if name == "language" else ENRICHERS[name]()
        readable: Sequence[FeedbackText] = english if enricher.is_english_only else texts.kept
        new = [text for text in readable if event_id(enricher, text) not in known]
        found = enricher.enrich([text.text for text in new])
        events += [_event(enricher, *both) for both in zip(new, found, strict=True)]
        labels = dict(Counter(one.label for one in found))
        n_known, n_other = len(readable) - len(new), len(texts.kept) - len(readable)
        enriched.append(
            Enriched(enricher.criterion, enricher.evaluator_id, len(new), n_known, n_other, labels)
        )
    if events:
        load_results("evaluations", events, warehouse)
    return EnrichmentReport(enriched, len(texts.kept), texts.n_dropped)


def print_enrichment(report: EnrichmentReport, console: Console) -> None:
    """A line per enricher."""
    table = Table(title=f"{report.n_texts:,} texts of feedback", title_justify="left")
    for column in ("criterion", "evaluator"):
        table.add_column(column)
    for column in ("new", "known", "not English"):
        table.add_column(column, justify="right")
    table.add_column("what is new", overflow="fold")
    for one in report.enriched:
        labels = ", ".join(
            f"{label} {count:,}" for label, count in Counter(one.labels).most_common(6)
        )
        table.add_row(
            one.criterion, one.evaluator_id, f"{one.n_new:,}", f"{one.n_known:,}",
            f"{one.n_not_english:,}", labels,
        )  # fmt: skip
    console.print(table)
    if report.n_dropped:
        console.print(f"The text of {report.n_dropped:,} more was dropped when it was loaded.")
    if any(one.n_new for one in report.enriched):
        console.print("The next `dbt build` brings this into evaluation_labels_daily.")


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("enrich")
    def enrich_command(
        only: Annotated[
            str, typer.Option(help="Of language, sentiment, complaint, toxicity; with commas.")
        ] = ",".join(ENRICHERS),
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """Tell language, sentiment, complaints and abuse in what users wrote as feedback."""
        report = enrich(resolve_warehouse(), [name.strip() for name in only.split(",")])
        if is_json:
            typer.echo(
                json.dumps(
                    {
                        "n_texts": report.n_texts,
                        "n_dropped": report.n_dropped,
                        "enriched": [vars(one) for one in report.enriched],
                    },
                    indent=2,
                )
            )
        else:
            print_enrichment(report, Console())
