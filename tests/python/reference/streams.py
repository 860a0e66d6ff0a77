"""Events as the models see them: of several contents under one id, the one that stands."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from support.raw_tables import RawEvent, occurred_at

Row = dict[str, Any]

ENVELOPE = (
    "source", "event_id", "event_version", "occurred_at", "sequence_number",
    "user_id", "anonymous_id", "account_id", "app_id", "environment", "platform", "app_version",
)  # fmt: skip
_IDS = ("source_session_id", "conversation_id", "trace_id")

#: What a call from another source than events may tell besides.
SOURCED_COLUMNS = (
    "token_evidence", "instrumentation", "span_id", "parent_span_id", "is_conversation_inferred",
    "started_at", "previous_response_id", "query_length", "query_text_word_count",
    "query_text_signature_1", "query_text_signature_2",
)  # fmt: skip

#: The columns of each stream, in the order in which their content is hashed.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "queries": (
        *ENVELOPE, *_IDS, "conversation_turn", "query_length", "query_kind", "is_clarification",
        "is_implied", "feature", "text_length", "text_word_count",
        "text_signature_1", "text_signature_2",
    ),
    "responses": (
        *ENVELOPE, *_IDS, "conversation_turn", "response_id", "query_id", "parent_response_id",
        "call_role", "attempt_number", "response_length", "response_format", "citation_count",
        "provider", "model_version", "request_model", "response_model", "tokens_used",
        "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
        "reasoning_tokens", "token_convention", "latency_ms", "client_latency_ms",
        "time_to_first_token_ms", "status", "error_type", "finish_reason", "prompt_name",
        "prompt_version", "temperature", "tool_call_count", "tool_cost_usd", "logged_cost_usd",
        "feature", "implies_query", "text_length", *SOURCED_COLUMNS,
    ),
    "feedback": (
        *ENVELOPE, *_IDS, "response_id", "query_id", "feedback_type", "feedback_score",
        "survey_id", "text_length",
    ),
    "product_events": (
        *ENVELOPE, *_IDS, "name", "is_user_action", "goal", "feature", "amount", "currency",
    ),
    "identities": (*ENVELOPE, "alias_id"),
    "exposures": (*ENVELOPE, *_IDS, "experiment_id", "variant", "unit_id", "allocation_phase"),
    "evaluations": (
        *ENVELOPE, *_IDS, "response_id", "criterion", "rubric", "rubric_version", "evaluator_id",
        "evaluator_kind", "score", "label",
    ),
}  # fmt: skip

_SCALES = {"temperature": 6, "feedback_score": 6, "score": 6}
_MONEY = ("tool_cost_usd", "logged_cost_usd", "amount")


def rounded(value: Decimal, scale: int) -> Decimal:
    """A decimal with this many places; ties away from zero."""
    return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)


def standing_events(raw: Iterable[RawEvent]) -> dict[str, list[Row]]:
    """By stream, one row per event id; `has_conflict` says that other contents were sent too."""
    contents: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for event in raw:
        if event.stream in COLUMNS:
            row = _row(event.stream, event.fields)
            contents[event.stream, row["event_id"]].append(row)
    standing: dict[str, list[Row]] = {stream: [] for stream in COLUMNS}
    for (stream, _), rows in contents.items():
        standing[stream].append(_winner(stream, rows))
    standing["queries"] += _implied_queries(standing["responses"], standing["queries"])
    return standing


def _row(stream: str, fields: Mapping[str, Any]) -> Row:
    """One content with every column of its stream; what is absent is None or its default."""
    row: Row = {name: fields.get(name) for name in COLUMNS[stream]}
    row["source"] = "events"
    row["occurred_at"] = occurred_at(fields)
    if "source_session_id" in row:
        row["source_session_id"] = fields.get("session_id")
    for name in row.keys() & {*_SCALES, *_MONEY}:
        if row[name] is not None:
            row[name] = rounded(Decimal(row[name]), _SCALES.get(name, 12))
    if stream == "queries":
        row["query_kind"] = row["query_kind"] or "new"
        row["is_clarification"] = bool(row["is_clarification"])
        row["is_implied"] = False
    elif stream == "product_events":
        row["is_user_action"] = row["is_user_action"] is not False
    elif stream == "responses":
        row["call_role"] = row["call_role"] or "answer"
        row["implies_query"] = bool(row["implies_query"])
        row["token_evidence"] = "sent" if row["token_convention"] is not None else None
        row["is_conversation_inferred"] = False
        is_top_level = row["call_role"] == "answer" and row["parent_response_id"] is None
        if row["implies_query"] and is_top_level:
            row["query_id"] = row["query_id"] or row["event_id"]
    return row


def _winner(stream: str, rows: list[Row]) -> Row:
    """The highest version; among equals the greatest content hash. Never the last to arrive."""
    keys = {_content_key(row, COLUMNS[stream]): row for row in rows}
    best = max(keys, key=lambda key: (keys[key]["event_version"] or 0, key))
    return keys[best] | {"has_conflict": len(keys) > 1}


def _content_key(row: Row, columns: Iterable[str]) -> str:
    return surrogate_key(row[name] for name in columns)


def surrogate_key(values: Iterable[object]) -> str:
    """md5 over values as text, with None told from the empty string and neighbours kept apart."""
    parts = ["|-" if value is None else _text(value).replace("|", "||") for value in values]
    return hashlib.md5("|,".join(parts).encode(), usedforsecurity=False).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ")
        return text.rstrip("0") if "." in text else text
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _implied_queries(calls: Iterable[Row], sent: Iterable[Row]) -> list[Row]:
    """The queries that calls name and imply and that nobody sent, each told by its first call."""
    sent_ids = {query["event_id"] for query in sent}
    groups: dict[str, list[Row]] = defaultdict(list)
    for call in calls:
        is_counted = call["implies_query"] and call["call_role"] != "auxiliary"
        if is_counted and call["query_id"] is not None and call["query_id"] not in sent_ids:
            groups[call["query_id"]].append(call)
    return [
        _implied_query(query_id, min(group, key=_event_order)) for query_id, group in groups.items()
    ]


def _event_order(row: Row) -> tuple[Any, ...]:
    return row["occurred_at"], row["sequence_number"] or 0, row["event_id"]


def _implied_query(query_id: str, call: Row) -> Row:
    """The query that calls stand for: asked when the first of them began."""
    latency = max(call["latency_ms"] or 0, 0)
    return {name: call.get(name) for name in COLUMNS["queries"]} | {
        "event_id": query_id,
        "occurred_at": call["occurred_at"] - timedelta(milliseconds=latency),
        "query_kind": "new",
        "is_clarification": False,
        "is_implied": True,
        "text_length": None,
        "has_conflict": call["has_conflict"],
    }
