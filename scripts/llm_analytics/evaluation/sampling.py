"""Which answers are judged: a stratified sample that depends on its seed and on nothing else."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_rows
from llm_analytics.results import has_table
from llm_analytics.warehouse import Warehouse

#: Raw tables with the text of an answer, and of what was asked where the same record holds it.
_ANSWERS = (
    ("events", "events_responses", "response_text", None),
    ("langfuse", "langfuse_observations", "output_text", "input_text"),
    ("otlp", "otlp_spans", "output_text", "input_text"),
    ("request_logs", "request_logs_calls", "output_text", "input_text"),
    ("litellm", "litellm_spend_logs", "output_text", "input_text"),
    ("posthog", "posthog_ai_calls", "output_text", "input_text"),
)
_QUERIES = ("events_queries", "query_text")


@dataclass(frozen=True)
class Item:
    """An answer with the question to it; `stratum` is what the sample is balanced over."""

    response_id: str
    stratum: str
    question: str
    answer: str


def shuffled(items: Iterable[Item], seed: int, salt: str = "") -> list[Item]:
    """Items in an order that the seed alone decides, whatever their order was."""

    def place(item: Item) -> bytes:
        return hashlib.sha256(f"{seed}\0{salt}\0{item.response_id}".encode()).digest()

    return sorted(items, key=place)


def stratified_sample(items: Iterable[Item], n: int, seed: int) -> list[Item]:
    """At most n items: of each stratum its share, rounded by largest remainder, and at least one.

    Raises LlmAnalyticsError below one item.
    """
    if n < 1:
        raise LlmAnalyticsError(f"a sample has one answer at least, not {n}")
    strata: dict[str, list[Item]] = defaultdict(list)
    for item in shuffled(items, seed):
        strata[item.stratum].append(item)
    total = sum(map(len, strata.values()))
    if total <= n:
        return shuffled((item for own in strata.values() for item in own), seed)
    if n <= len(strata):
        largest = sorted(strata, key=lambda name: (-len(strata[name]), name))[:n]
        sizes = dict.fromkeys(largest, 1)
    else:
        exact = {name: n * len(own) / total for name, own in strata.items()}
        sizes = {name: max(1, int(share)) for name, share in exact.items()}

        def short(name: str) -> tuple[float, str]:
            return exact[name] - sizes[name], name

        while sum(sizes.values()) < n:
            sizes[max((name for name in sizes if sizes[name] < len(strata[name])), key=short)] += 1
        while sum(sizes.values()) > n:
            sizes[min((name for name in sizes if sizes[name] > 1), key=short)] -= 1
    return shuffled(
        (item for name, own in strata.items() for item in own[: sizes.get(name, 0)]), seed
    )


def read_items(warehouse: Warehouse, strata: str) -> list[Item]:
    """Successful answers whose text and question were kept; strata are a column of fct_responses.

    Raises LlmAnalyticsError without a build, or where no answer has both texts.
    """
    rows = read_rows(
        "select response_event_id, coalesce(response_id, response_event_id) as response_id,"
        f' interaction_id, cast("{strata}" as {_text(warehouse)}) as stratum'
        " from marts.fct_responses where is_answer",
        "marts.fct_responses",
        warehouse=warehouse,
    )
    queries = {key: one for key, one, _ in _texts(warehouse, "events", *_QUERIES, None)}
    answers: dict[str, tuple[str, str | None]] = {}
    for source in _ANSWERS:
        answers.update((key, (text, asked)) for key, text, asked in _texts(warehouse, *source))
    items = []
    for row in rows:
        answer, asked = answers.get(row["response_event_id"], (None, None))
        question = queries.get(row["interaction_id"], asked)
        if answer and question:
            items.append(Item(row["response_id"], row["stratum"] or "", question, answer))
    if not items:
        raise LlmAnalyticsError(
            f"none of {len(rows)} answers has its text and its question:"
            " load them with --text redact or --text keep"
            if rows
            else "there is no answer to judge"
        )
    return items


def _text(warehouse: Warehouse) -> str:
    return "text" if warehouse.is_postgres else "varchar"


def _texts(
    warehouse: Warehouse, source: str, table: str, text: str, asked: str | None
) -> list[tuple[str, str, str | None]]:
    """Event id as the marts have it, text, and question; the newest last."""
    if not has_table("raw", table, warehouse):
        return []
    prefix = "" if source == "events" else f"{source}:"
    question = f'"{asked}"' if asked else "null"
    rows = read_rows(
        f"select '{prefix}' || event_id as id, \"{text}\" as text, {question} as asked"
        f' from raw."{table}" where length("{text}") > 0'
        " order by load_seq, file_number, line_number",
        f"raw.{table}",
        warehouse=warehouse,
    )
    return [(str(row["id"]), str(row["text"]), row["asked"]) for row in rows]
