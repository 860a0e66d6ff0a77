"""Requests of real Claude Code sessions, as calls of a model that imply their queries.

Origin: github.com/callanjfox/kv-cache-tester (Apache-2.0), WEKA; the traces as published, one JSON
document a session, or as one CSV row per request, with at least COLUMNS. Input tokens include those
read from the cache.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.examples.writer import Event

#: The traces say when a request came since its session began, and not when that was.
#: All models of the traces were on sale on this day.
DEFAULT_START = datetime(2026, 3, 2)
#: Each session begins this long after the one before it in the file.
BETWEEN_SESSIONS = timedelta(hours=1)

COLUMNS = (
    "trace_id", "request_no", "agent_id", "t_s", "model", "input_tokens", "output_tokens",
    "cached_input_tokens", "api_time_s", "ttft_s", "stop_reason",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request: times in milliseconds, None where they were not recorded."""

    trace_id: str
    agent_id: str | None
    number: int
    offset_ms: int
    latency_ms: int | None
    time_to_first_token_ms: int | None
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    stop_reason: str | None

    @property
    def event_id(self) -> str:
        """Unique: a number counts the requests of one agent of one session."""
        return f"{self.trace_id}:{self.agent_id or 'main'}:{self.number}"


def read_requests(path: Path) -> list[Request]:
    """The requests in the order of the file, a CSV or a session's JSON.

    Raises LlmAnalyticsError, with the line of a CSV, if the file is not of that form.
    """
    if path.suffix == ".json":
        return _read_session(path)
    requests = []
    number = 1
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = set(COLUMNS) - set(rows.fieldnames or ())
            if missing:
                raise LlmAnalyticsError(f"{path} has no column {', '.join(sorted(missing))}")
            for row in rows:
                number = rows.line_num
                requests.append(_request(row))
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, InvalidOperation, TypeError, csv.Error) as error:
        raise LlmAnalyticsError(f"{path}, line {number}: not a request: {error}") from error
    return requests


def response_events(requests: list[Request], start: datetime = DEFAULT_START) -> Iterator[Event]:
    """One call per request; a session is that of one user. `start` is UTC, without a zone.

    A request of the main agent implies a query, sent when the request was. What a sub-agent asks is
    a step on the way: it implies none and serves the main agent's latest request. A call is dated
    by its end, or by its begin where its latency was not recorded.
    """
    began: dict[str, datetime] = {}
    for request in requests:
        began.setdefault(request.trace_id, start + len(began) * BETWEEN_SESSIONS)
    # Of requests at the same time the main agent's is first: it starts the others.
    order = sorted(
        requests,
        key=lambda request: (
            began[request.trace_id],
            request.offset_ms,
            request.agent_id or "",
            request.number,
        ),
    )
    for sequence_number, request in enumerate(order, start=1):
        is_main = request.agent_id is None
        ended = began[request.trace_id] + timedelta(
            milliseconds=request.offset_ms + (request.latency_ms or 0)
        )
        yield {
            "event": "llm_response_generated",
            "timestamp": ended.isoformat(timespec="milliseconds") + "Z",
            "event_id": request.event_id,
            "sequence_number": sequence_number,
            "user_id": request.trace_id,
            "app_id": "claude-code",
            "session_id": request.trace_id,
            "call_role": "answer" if is_main else "step",
            "implies_query": is_main,
            "provider": "anthropic",
            "request_model": request.model,
            "input_tokens": request.input_tokens,
            "cache_read_tokens": request.cached_tokens,
            "output_tokens": request.output_tokens,
            "token_convention": "inclusive",
            "latency_ms": request.latency_ms,
            "time_to_first_token_ms": request.time_to_first_token_ms,
            "finish_reason": request.stop_reason,
        }


def _read_session(path: Path) -> list[Request]:
    """The requests of a session as published.

    What was read from the cache is not recorded: it is the blocks at the beginning of a request
    that the session has seen. Raises LlmAnalyticsError.
    """
    try:
        session = json.loads(path.read_bytes(), parse_float=Decimal)
        seen: set[int] = set()
        requests = []
        for number, request in enumerate(session["requests"]):
            cached = _cached_tokens(request, session["block_size"], seen)
            seen.update(request["hash_ids"])
            requests.append(
                Request(
                    trace_id=session["id"],
                    agent_id=None,
                    number=number,
                    offset_ms=_milliseconds(str(request["t"])) or 0,
                    latency_ms=_milliseconds(str(request.get("api_time") or "")),
                    time_to_first_token_ms=_milliseconds(str(request.get("ttft") or "")),
                    model=request["model"],
                    input_tokens=request["in"],
                    cached_tokens=cached,
                    output_tokens=request["out"],
                    stop_reason=request.get("stop") or None,
                )
            )
        return requests
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, InvalidOperation) as error:
        raise LlmAnalyticsError(f"{path}: not a session of requests: {error!r}") from error


def _cached_tokens(request: dict[str, Any], block_size: int, seen: set[int]) -> int:
    """Tokens of the leading blocks that were seen before, at most the request's input."""
    blocks = request["hash_ids"]
    n_seen = next((n for n, block in enumerate(blocks) if block not in seen), len(blocks))
    return min(n_seen * block_size, int(request["in"]))


def _request(row: dict[str, str]) -> Request:
    """Reads one row of the CSV."""
    return Request(
        trace_id=row["trace_id"],
        agent_id=row["agent_id"] or None,
        number=int(row["request_no"]),
        offset_ms=_milliseconds(row["t_s"]) or 0,
        latency_ms=_milliseconds(row["api_time_s"]),
        time_to_first_token_ms=_milliseconds(row["ttft_s"]),
        model=row["model"],
        input_tokens=int(row["input_tokens"]),
        cached_tokens=int(row["cached_input_tokens"]),
        output_tokens=int(row["output_tokens"]),
        stop_reason=row["stop_reason"] or None,
    )


def _milliseconds(seconds: str) -> int | None:
    """Whole milliseconds of decimal seconds; None if empty."""
    return int((Decimal(seconds) * 1000).to_integral_value()) if seconds else None
