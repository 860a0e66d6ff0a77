"""Calls that several recorders write down, each its part; which records are one call is known."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from support.made_up_sources import land, log_load
from support.project import DbtProject

START = datetime(2025, 3, 1, 9)
TABLES = {
    "events": "events_responses", "tracer": "tracer_responses", "gateway": "gateway_responses",
    "spans": "tracer_spans", "feedback": "events_feedback",
}  # fmt: skip


@dataclass
class Drawn:
    """What recorders wrote down: (table, record) pairs, and the true call of each call's record."""

    records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    truth: dict[str, str] = field(default_factory=dict)

    def add(self, table: str, call: str | None, record: dict[str, Any]) -> None:
        """Write a record down."""
        self.records.append((table, record))
        if call is not None:
            self.truth[record["event_id"]] = call


def call_record(at_second: float, seconds: float = 1, **fields: Any) -> dict[str, Any]:
    """A call of a source, with what its staging would always give."""
    began = START + timedelta(seconds=at_second)
    return {
        "occurred_at": began + timedelta(seconds=seconds),
        "started_at": began,
        "call_role": "answer",
        "implies_query": True,
        "is_conversation_inferred": False,
        "response_model": "ant",
        "provider": "acme",
        **fields,
    }


def event_record(at_second: float, seconds: float = 1, **fields: Any) -> dict[str, Any]:
    """The same call as the product's own event."""
    occurred_at = START + timedelta(seconds=at_second + seconds)
    return {
        "occurred_at": occurred_at,
        "latency_ms": int(seconds * 1000),
        "response_model": "ant",
        "provider": "acme",
        "file_number": 1,
        "line_number": 1,
        **fields,
    }


def draw(seed: int, n_calls: int) -> Drawn:
    """Calls of a few minutes, many alike, each written down by some of three recorders."""
    rng = random.Random(seed)  # noqa: S311
    drawn, before = Drawn(), 0.0
    tokens: dict[str, Any] = {}
    recorders = ""
    for number in range(n_calls):
        call = f"call-{number}"
        at_second = rng.uniform(0, 40 * n_calls)
        if number % 8 == 7:  # the same request again at once: another call
            at_second = before + rng.uniform(0.1, 1.5)
        else:
            tokens = {"input_tokens": rng.randint(1, 40), "output_tokens": rng.randint(1, 9)}
            recorders = rng.choice(
                ["tracer gateway", "events tracer", "events gateway", "events tracer gateway",
                 "tracer", "gateway"]
            )  # fmt: skip
        before = at_second
        user: dict[str, Any] = {"user_id": f"u{rng.randint(0, 5)}"}
        shared: dict[str, Any] = {"response_id": f"resp-{number}"} if rng.random() < 0.3 else {}
        skew = rng.uniform(-0.4, 0.4)
        if "events" in recorders:
            record = {"event_id": f"e{number}", **tokens, **user, **shared}
            drawn.add("events", call, event_record(at_second, **record))
        if "tracer" in recorders:
            trace: dict[str, Any] = {
                "trace_id": f"trace-{number // 2}",
                "query_id": f"tracer:trace-{number // 2}",
            }
            span = {**trace, **tokens}
            if rng.random() < 0.4:  # an agent around it adds its usage up
                drawn.add("tracer", call, call_record(
                    at_second + skew - 0.1, 2, event_id=f"tracer:a{number}", span_id=f"a{number}",
                    **span, **user,
                ))  # fmt: skip
                drawn.add("spans", None, {
                    "trace_id": trace["trace_id"], "span_id": f"m{number}",
                    "parent_span_id": f"a{number}",
                })  # fmt: skip
            drawn.add("tracer", call, call_record(
                at_second + skew, event_id=f"tracer:s{number}", span_id=f"s{number}",
                parent_span_id=f"m{number}", **span, **shared,
            ))  # fmt: skip
        if "gateway" in recorders:
            given = user if rng.random() < 0.5 else {}
            drawn.add("gateway", call, call_record(
                at_second + rng.uniform(0, 0.5), event_id=f"gateway:g{number}",
                query_id=f"gateway:g{number}", **tokens, **given, **shared,
            ))  # fmt: skip
        if rng.random() < 0.3:
            drawn.add("feedback", None, {
                "event_id": f"f{number}", "occurred_at": START + timedelta(seconds=at_second + 9),
                "feedback_type": "thumbs_up", "trace_id": f"trace-{number // 2}", "file_number": 1,
                "line_number": 1, **user,
            })  # fmt: skip
    return drawn


def corrected(drawn: Drawn, rng: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records that are sent once more with another content."""
    for table, record in drawn.records:
        if "event_id" in record and rng.random() < 0.15:
            changes: list[dict[str, Any]] = [
                {"response_id": None}, {"output_tokens": 3}, {"user_id": "u9"}, {"trace_id": None},
            ]  # fmt: skip
            change = {"user_id": "u9"} if table == "feedback" else rng.choice(changes)
            yield table, {**record, **change, "event_version": rng.randint(1, 3)}


def drawn_parts(seed: int, n_calls: int, n_loads: int) -> list[list[tuple[str, dict[str, Any]]]]:
    """Calls of three recorders, some corrected later, shuffled and cut into loads."""
    rng = random.Random(seed)  # noqa: S311
    drawn = draw(seed, n_calls)
    records = [*drawn.records, *corrected(drawn, rng)]
    rng.shuffle(records)
    return [records[number::n_loads] for number in range(n_loads)]


def land_part(project: DbtProject, load_seq: int, part: list[tuple[str, dict[str, Any]]]) -> None:
    """Land records as one load."""
    for name, table in TABLES.items():
        land(
            project, table,
            [{**record, "load_seq": load_seq} for found, record in part if found == name],
        )  # fmt: skip
    log_load(project, load_seq, "tracer")
