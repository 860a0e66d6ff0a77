"""Real traces of OpenTelemetry and Langfuse through load and dbt build: every figure is known.

Where LLM_ANALYTICS_SHARED names the folder of larger data sets, its oracles/real_data.json holds
figures that were computed apart from this project; what it does not have is counted here from the
files themselves, without the project's code.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.figures import nearest_rank
from support.project import DbtProject

#: What the tests read, and so what is built.
READ = ("fct_interactions", "int_calls", "int_evaluations", "suppressed_calls")


@pytest.fixture(scope="module")
def traced(
    make_project: Callable[[Path], DbtProject],
    tmp_path_factory: pytest.TempPathFactory,
    shared: Path,
) -> DbtProject:
    """Every real trace in one warehouse, of which each record must land."""
    project = make_project(tmp_path_factory.mktemp("traces"))
    spans = sorted((shared / "data" / "otel_genai_spans").glob("*.json*"))
    project.command("load", "--source", "otlp", *spans)
    project.command("load", "--source", "langfuse", *langfuse_files(shared))
    assert project.query("select sum(n_quarantined) from raw.loads") == [(0,)]
    selected = (f"+{name}" for name in READ)
    project.dbt("build", "--exclude-resource-type", "unit_test", "--select", *selected)
    return project


def langfuse_files(shared: Path) -> list[Path]:
    """The traces that were exported from Langfuse, one a file."""
    return sorted((shared / "data" / "langfuse").glob("*.trace.json"))


def oracle_of(shared: Path, name: str) -> dict[str, Any]:
    """The figures of one data set of the oracle."""
    figures = json.loads((shared / "oracles" / "real_data.json").read_text())[name]
    return {figure: entry["value"] for figure, entry in figures.items()}


def calls_of(project: DbtProject, source: str) -> list[dict[str, Any]]:
    """The billable calls of a source."""
    return project.records(f"select * from intermediate.int_calls where source = '{source}'")


# ---- spans of agents' runs, flattened by their publisher


def test_runs_of_agents_have_the_figures_of_the_oracle(traced: DbtProject, shared: Path) -> None:
    oracle = oracle_of(shared, "exgentic_dev_slice")
    path = shared / "data" / "otel_genai_spans" / "exgentic_spans.jsonl"
    spans = [json.loads(line) for line in path.read_text().splitlines()]
    calls = traced.records("select * from intermediate.int_responses where app_id = 'swebench'")
    assert len(calls) == oracle["spans"] == len(spans)
    failed = [row for row in calls if row["status"] != "success"]
    assert len(failed) == oracle["errors"] == oracle["status_code"]["2"]
    assert sum(row["input_tokens"] for row in calls) == oracle["input_tokens_sum"]
    assert sum(row["output_tokens"] for row in calls) == oracle["output_tokens_sum"]

    latencies = [row["latency_ms"] for row in calls]
    source = sorted(span["duration_ms"] for span in spans)
    assert [row["latency_ms"] for row in failed] == [0] * oracle["zero_duration"]
    # Ours are whole milliseconds of two microsecond times; the publisher's are finer.
    assert latencies.count(0) == sum(duration < 1 for duration in source)
    for share in ("0.5", "0.9", "0.95", "0.99"):
        assert abs(nearest_rank(latencies, share) - nearest_rank(source, share)) <= 1
        interpolated = oracle["duration_ms"]["p" + share.removeprefix("0.").ljust(2, "0")]
        rank = source.index(nearest_rank(source, share))
        assert source[max(rank - 1, 0)] <= interpolated <= source[min(rank + 1, len(source) - 1)]

    by_run = Counter(row["trace_id"] for row in calls)
    assert len(by_run) == oracle["sessions"]
    assert max(by_run.values()) == oracle["spans_per_session"]["max"]
    totals = {span["session_id"]: span["session_total_tokens"] for span in spans}
    found = dict.fromkeys(totals, 0)
    for row in calls:
        found[row["trace_id"]] += row["input_tokens"] + row["output_tokens"]
    assert found == totals
    assert len(totals) == oracle["sessions_where_sum_equals_session_total_tokens"]

    # A run is one question; its last call that calls no tool answers it.
    runs = traced.records("select * from marts.fct_interactions where app_id = 'swebench'")
    assert len(runs) == oracle["sessions"]
    # A cache gave one response once more, under its id, two days later: a call of another run.
    ids = [span["response_id"] for span in spans if span["response_id"]]
    assert len(ids) - len(set(ids)) == 1
    assert sum(run["n_calls"] for run in runs) == oracle["spans"]
    roles = Counter(row["call_role"] for row in calls)
    assert roles["step"] == sum(span["finish_reasons"] == ["tool_calls"] for span in spans)


# ---- spans as three libraries write them


def test_spans_of_three_libraries_are_read_alike(traced: DbtProject, shared: Path) -> None:
    calls = {row["instrumentation"]: row for row in traced.records(
        "select * from staging.stg_otlp__responses where app_id is distinct from 'swebench'"
    )}  # fmt: skip
    facts = {
        name: (row["provider"], row["request_model"], row["input_tokens"], row["output_tokens"],
               row["finish_reason"], row["query_length"], row["latency_ms"])
        for name, row in calls.items()
    }  # fmt: skip
    # Read off the files by eye.
    assert facts == {
        "openlit.otel.tracing": ("openai", "gpt-3.5-turbo", 14, 96, "stop", 26, 1174),
        "opentelemetry.instrumentation.openai.v1": (
            "openai", "gpt-3.5-turbo", 14, 173, "stop", 26, 1444,
        ),
        "ai": (None, "gpt-4.1-mini", None, None, None, 2, 0),
    }  # fmt: skip
    assert calls["openlit.otel.tracing"]["logged_cost_usd"] == Decimal("0.000151")
    assert calls["ai"]["user_id"] == "user-1"
    assert (calls["ai"]["prompt_name"], calls["ai"]["prompt_version"]) == ("my-prompt", "2")


def test_odd_spans_land_and_a_broken_one_is_quarantined(
    tmp_path: Path, make_project: Callable[[Path], DbtProject], shared: Path
) -> None:
    project = make_project(tmp_path)
    files = sorted((shared / "data" / "bad_input" / "otlp_malformed").glob("*.jsonl"))
    project.load("--source", "otlp", *files)
    log = project.query("select n_accepted, n_duplicates, n_quarantined from raw.loads")
    # A span of zeros is refused; one without attributes, one that ends before it begins and one of
    # capital letters are spans. All others say the same as the first, once.
    assert project.query("select reason, detail from raw.quarantine") == [
        ("out_of_range", "traceId")
    ]
    n_spans = sum(
        len(scope["spans"])
        for file in files
        for line in file.read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
    )
    assert sum(log[0]) == n_spans
    assert project.query("select count(distinct trace_id) from raw.otlp_spans") == [(1,)]
    durations = project.query("select occurred_at - started_at as d from raw.otlp_spans order by d")
    assert durations[0][0].total_seconds() < 0


# ---- traces of Langfuse


def test_langfuse_has_the_figures_of_the_oracle(traced: DbtProject, shared: Path) -> None:
    oracle = oracle_of(shared, "langfuse_dev_slice")["summary"]
    traces = [json.loads(path.read_text()) for path in langfuse_files(shared)]
    assert len(traces) == oracle["files"]
    assert traced.query("select count(*) from raw.langfuse_observations") == [
        (oracle["observations"],)
    ]

    calls = calls_of(traced, "langfuse")
    generations = {
        f"langfuse:{item['id']}": item
        for trace in traces
        for item in trace["observations"]
        if item["type"] == "GENERATION"
    }
    assert len(generations) == oracle["generations"]
    assert {row["response_event_id"] for row in calls} == generations.keys()
    assert sum(row["input_tokens"] or 0 for row in calls) == oracle["input"]
    assert sum(row["output_tokens"] or 0 for row in calls) == oracle["output"]
    assert sum(bool(row["logged_cost_usd"]) for row in calls) == oracle["generations_with_cost"]
    # The oracle adds what Langfuse logged of every observation. One is an agent's, of which two of
    # the generations are a part: it is not billed again.
    suppressed = traced.records("select * from marts.suppressed_calls where source = 'langfuse'")
    ((agent, cost),) = [(row["response_event_id"], row["cost_usd"]) for row in suppressed]
    assert [row["duplicate_rule"] for row in suppressed] == ["nested"]
    assert agent not in generations
    logged = sum(row["logged_cost_usd"] or 0 for row in calls)
    assert float(logged + cost) == pytest.approx(oracle["total_cost"], abs=1e-12)
    for row in calls:
        found = generations[row["response_event_id"]]
        assert row["latency_ms"] == round(found["latency"] * 1000), row["response_event_id"]
        assert row["request_model"] == found["model"]

    # A trace is a query; who asked is known of one.
    interactions = traced.records("select * from marts.fct_interactions where source = 'langfuse'")
    assert len(interactions) == oracle["trace_ids"]
    assert [row["user_id"] for row in interactions if row["user_id"]] == ["demo-user"]
    assert sum(row["n_calls"] for row in interactions) == oracle["generations"]


def test_scores_of_langfuse_are_those_of_its_judge(traced: DbtProject, shared: Path) -> None:
    scores = {
        f"langfuse:{score['id']}": score
        for path in langfuse_files(shared)
        for score in json.loads(path.read_text())["trace"]["scores"]
    }
    rows = traced.records("select * from intermediate.int_evaluations where source = 'langfuse'")
    assert {row["event_id"] for row in rows} == scores.keys()
    for row in rows:
        score = scores[row["event_id"]]
        worse_the_higher = score["name"] in ("hallucination", "toxicity")
        expected = 1 - score["value"] if worse_the_higher else score["value"]
        assert float(row["score"]) == pytest.approx(expected), score["name"]
        assert (row["criterion"], row["trace_id"]) == (score["name"], score["traceId"])
        assert row["evaluator_kind"] == "judge"
