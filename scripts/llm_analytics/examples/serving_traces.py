"""Traces and benchmarks of serving systems, as calls of a model that imply their queries.

- azure-llm: one hour of a conversation service in Azure, github.com/Azure/AzurePublicDataset
  (CC-BY 4.0), Patel et al., Splitwise, ISCA 2024.
- burstgpt: a campus' requests to ChatGPT and GPT-4, github.com/HPMLL/BurstGPT (CC-BY 4.0).
- mooncake: one hour of the Kimi chat service, github.com/kvcache-ai/Mooncake (Apache-2.0), Qin et
  al., Mooncake, FAST 2025.
- llmperf: requests of Ray's LLMPerf benchmark, one after another, as JSON Lines.

None says who asked or what. Where times are relative, or there are none, the first request comes at
a start that is given.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.examples.writer import Event

#: When the first request comes where a trace does not say; all models of the traces were on sale.
DEFAULT_START = datetime(2023, 12, 4)


@dataclass(frozen=True)
class Request:
    """One request: its time since the first, durations in milliseconds, None where not recorded."""

    offset: timedelta
    input_tokens: int
    output_tokens: int
    model: str | None = None
    provider: str | None = None
    session_id: str | None = None
    feature: str | None = None
    latency_ms: int | None = None
    time_to_first_token_ms: int | None = None
    error_type: str | None = None


@dataclass(frozen=True)
class Trace:
    """The requests of a file in its order; `begins_at` is the time of the first where it says."""

    requests: list[Request]
    begins_at: datetime | None = None


def response_events(
    name: str, trace: Trace, start: datetime | None = None, model: str | None = None
) -> Iterator[Event]:
    """One call per request, dated by its end or by its begin where its latency is not known.

    `start` (UTC, without a zone) moves the whole trace; `model` stands for requests without one.
    """
    begins_at = start or trace.begins_at or DEFAULT_START
    for number, request in enumerate(trace.requests, start=1):
        ended = begins_at + request.offset + timedelta(milliseconds=request.latency_ms or 0)
        yield {
            "event": "llm_response_generated",
            "timestamp": ended.isoformat(timespec="microseconds") + "Z",
            "event_id": f"{name}:{number}",
            "sequence_number": number,
            "app_id": name,
            "session_id": request.session_id,
            "implies_query": True,
            "provider": request.provider,
            "request_model": request.model or model,
            "input_tokens": request.input_tokens,
            "output_tokens": request.output_tokens,
            "latency_ms": request.latency_ms,
            "time_to_first_token_ms": request.time_to_first_token_ms,
            "status": "error" if request.error_type else None,
            "error_type": request.error_type,
            "feature": request.feature,
        }


def read_azure_llm(path: Path) -> Trace:
    """Azure's trace; its times have 100 ns, of which the last digit is cut. Raises as all here."""
    begins_at: datetime | None = None

    def read(row: dict[str, str]) -> Request:
        nonlocal begins_at
        at = datetime.fromisoformat(row["TIMESTAMP"][:26])
        begins_at = begins_at or at
        return Request(at - begins_at, int(row["ContextTokens"]), int(row["GeneratedTokens"]))

    return Trace(_read_csv(path, read), begins_at)


def read_burstgpt(path: Path) -> Trace:
    """BurstGPT's CSV. A response without a token is a failure; newer files know more columns."""

    def read(row: dict[str, str]) -> Request:
        n_output = int(row["Response tokens"])
        elapsed = row.get("Elapsed time")
        return Request(
            timedelta(seconds=float(row["Timestamp"])),
            int(row["Request tokens"]),
            n_output,
            model=row["Model"],
            session_id=row.get("Session ID") or None,
            feature=row["Log Type"],
            latency_ms=round(float(elapsed) * 1000) if elapsed else None,
            error_type=None if n_output else "no_response",
        )

    return Trace(_read_csv(path, read))


def read_mooncake(path: Path) -> Trace:
    """Mooncake's JSON Lines."""

    def read(row: dict[str, Any]) -> Request:
        offset = timedelta(milliseconds=row["timestamp"])
        return Request(offset, int(row["input_length"]), int(row["output_length"]))

    return Trace(_read_lines(path, read))


def read_llmperf(path: Path) -> Trace:
    """LLMPerf's requests: no times are recorded, so each begins when the one before it ended."""
    ended = timedelta()

    def read(row: dict[str, Any]) -> Request:
        nonlocal ended
        began, latency_ms = ended, round(row["e2e_latency_ms"])
        ended = began + timedelta(milliseconds=latency_ms)
        error = row.get("error_code")
        return Request(
            began,
            int(row["number_input_tokens"]),
            int(row["number_output_tokens"]),
            model=row["model"],
            session_id=row.get("run_id"),
            latency_ms=latency_ms,
            time_to_first_token_ms=round(row["ttft_ms"]),
            error_type=str(error) if error is not None else None,
        )

    return Trace(_read_lines(path, read))


def _read_csv(path: Path, read: Callable[[dict[str, str]], Request]) -> list[Request]:
    """Each row of a CSV. Raises LlmAnalyticsError, with the line, if one is no request."""
    requests, number = [], 1
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                number = rows.line_num
                requests.append(read(row))
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise LlmAnalyticsError(f"{path}, line {number}: not a request: {error}") from error
    return requests


def _read_lines(path: Path, read: Callable[[dict[str, Any]], Request]) -> list[Request]:
    """Each line of JSON Lines. Raises LlmAnalyticsError, with the line, if one is no request."""
    requests: list[Request] = []
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                requests.append(read(json.loads(line)))
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        number = len(requests) + 1
        raise LlmAnalyticsError(f"{path}, line {number}: not a request: {error}") from error
    return requests


#: How to read each trace, by its name on the command line.
READERS: dict[str, Callable[[Path], Trace]] = {
    "azure-llm": read_azure_llm,
    "burstgpt": read_burstgpt,
    "mooncake": read_mooncake,
    "llmperf": read_llmperf,
}
