"""`llm-analytics run`: which source a file is of; one interaction recorded by three sources."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.inputs import find_inputs
from llm_analytics.sources.detection import detect
from llm_analytics.tracking_plan import read_plan
from load_helpers import query_event, write_lines
from support.project import ROOT, DbtProject

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
#: The calls of one answer: when each began and ended (seconds), its tokens.
CALLS = ((1, 3, 100, 20), (4, 6, 160, 40))
TRACE = "0000000000000000000000000000abcd"

GOLDEN = sorted(
    path
    for path in (ROOT / "tests/python/sources").glob("*/input*")
    if not path.name.startswith(".")
)


def detected(path: Path) -> str:
    (item,) = find_inputs([str(path)], read_plan(), None)
    return detect(item)


@pytest.mark.parametrize("path", GOLDEN, ids=[f"{p.parent.name}/{p.name}" for p in GOLDEN])
def test_golden_files_are_recognised(path: Path) -> None:
    assert detected(path) == path.parent.name


def test_events_are_recognised_and_what_is_unknown_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {key: value for key, value in query_event(1).items() if key != "event"}
    assert detected(write_lines(tmp_path / "a.jsonl", [query_event(1)])) == "events"
    assert detected(write_lines(tmp_path / "queries.jsonl", [named])) == "events"
    unknown = write_lines(tmp_path / "unknown.jsonl", [named, {"a": 1}])
    with pytest.raises(
        LlmAnalyticsError, match=r"no source that is known.*--source, one of events"
    ):
        detected(unknown)
    assert main(["run", str(unknown)]) == 1
    assert capsys.readouterr().err.startswith("llm-analytics: ")


def moment(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")[:-6] + "Z"


def nanoseconds(seconds: float) -> str:
    return str(int(((START + timedelta(seconds=seconds)).timestamp()) * 1_000_000_000))


def otlp_export() -> dict[str, Any]:
    """An agent with two calls in it, which also reports their sum, as the Collector writes it."""

    def span(number: int, began: int, ended: int, **attributes: Any) -> dict[str, Any]:
        values = [
            {
                "key": key.replace("__", "."),
                "value": {"intValue": str(value)}
                if isinstance(value, int)
                else {"stringValue": value},
            }
            for key, value in attributes.items()
        ]
        return {
            "traceId": TRACE, "spanId": f"{number:016x}", "name": "span", "kind": 3,
            **({"parentSpanId": f"{1:016x}"} if number > 1 else {}),
            "startTimeUnixNano": nanoseconds(began), "endTimeUnixNano": nanoseconds(ended),
            "attributes": values, "status": {},
        }  # fmt: skip

    spans = [
        span(
            number, began, ended, gen_ai__operation__name="chat", gen_ai__provider__name="openai",
            gen_ai__response__model="gpt-4.1-2025-04-14",
            gen_ai__usage__input_tokens=tokens_in, gen_ai__usage__output_tokens=tokens_out,
        )
        for number, (began, ended, tokens_in, tokens_out) in enumerate(CALLS, start=2)
    ]  # fmt: skip
    agent = span(
        1, 0, 7, gen_ai__operation__name="chat", gen_ai__response__model="gpt-4.1",
        gen_ai__usage__input_tokens=260, gen_ai__usage__output_tokens=60, user__id="u-1",
    )  # fmt: skip
    scopes = [{"scope": {"name": "instrumentation.openai"}, "spans": [agent, *spans]}]
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": scopes}]}


def langfuse_export() -> dict[str, Any]:
    """The same trace, exported from Langfuse; it knows the session."""
    trace = {
        "id": TRACE, "projectId": "p", "name": "chat", "timestamp": moment(0), "userId": "u-1",
        "sessionId": "s-1", "public": False, "bookmarked": False, "tags": [], "scores": [],
        "observations": [], "createdAt": moment(0), "updatedAt": moment(9), "input": '"Hello"',
        "htmlPath": "/trace", "latency": 7, "totalCost": 0.1, "environment": "default",
    }  # fmt: skip
    observations = [
        {
            "id": f"lf-{number}", "traceId": TRACE, "projectId": "p", "type": "GENERATION",
            "name": "llm", "startTime": moment(began + 0.1), "endTime": moment(ended + 0.1),
            "model": "gpt-4.1", "level": "DEFAULT", "environment": "default",
            "usageDetails": {"input": tokens_in, "output": tokens_out}, "costDetails": {},
            "createdAt": moment(9), "updatedAt": moment(9), "latency": 2,
        }
        for number, (began, ended, tokens_in, tokens_out) in enumerate(CALLS)
    ]  # fmt: skip
    return {"trace": trace, "observations": observations}


def litellm_rows() -> list[dict[str, Any]]:
    """The same two calls as the gateway saw them: no trace, ids of its own."""
    return [
        {
            "request_id": f"gw-{number}", "call_type": "acompletion", "spend": 0.001,
            "total_tokens": tokens_in + tokens_out, "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out, "startTime": moment(began + 0.3),
            "endTime": moment(ended - 0.2), "model": "openai/gpt-4.1", "custom_llm_provider":
            "openai", "end_user": "u-1", "metadata": {}, "status": "success",
        }
        for number, (began, ended, tokens_in, tokens_out) in enumerate(CALLS)
    ]  # fmt: skip


@pytest.mark.dbt
def test_one_interaction_through_three_sources_counts_once(
    project: DbtProject, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    write_lines(folder / "collector.jsonl", [otlp_export()])
    write_lines(folder / "spend.jsonl", litellm_rows())
    (folder / "trace.json").write_text(json.dumps(langfuse_export(), indent=1))
    work = tmp_path / "work"
    project = replace(
        project,
        env={"DBT_TARGET_PATH": str(work / "target"), "DBT_LOG_PATH": str(work / "logs")},
    )
    done = project.command("run", "--json", folder)
    result = json.loads(done.stdout)
    assert {load["source"] for load in result["loads"]} == {"langfuse", "litellm", "otlp"}
    assert result["headline"]
    assert any("feedback" in str(row["missing"]) for row in result["not_computable"])

    assert project.query(
        "select n_calls, input_tokens, output_tokens, user_id from marts.fct_interactions"
    ) == [(2, 260, 60, "u-1")]
    assert project.query("select count(*) from marts.fct_responses") == [(2,)]
    found = project.query(
        "select source, duplicate_rule, count(*) from marts.suppressed_calls group by 1, 2"
    )
    # The gateway alone knows the user of a call; the agent's span is its calls' sum.
    assert sorted(found) == [
        ("langfuse", "inferred", 2), ("otlp", "nested", 1), ("otlp", "trace", 2),
    ]  # fmt: skip
    # Loaded again, and built again: nothing changes.
    for source, name in (("otlp", "collector.jsonl"), ("litellm", "spend.jsonl")):
        project.load("--source", source, folder / name)
    project.dbt("run", "--select", "+fct_responses")
    assert project.query("select count(*) from marts.fct_responses") == [(2,)]
