"""From a metric to the conversations behind it: a small product with texts, and one without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.cli import main
from llm_analytics.conversations import BEHIND, wanted_by
from llm_analytics.errors import LlmAnalyticsError
from support.project import DbtProject

BUILD = (
    "build", "--select", "+transcripts",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
)  # fmt: skip
HOUR = 3_600_000
START = 1_740_823_200_000  # 2025-03-01 10:00 UTC
EVIL = "100% _sure_'; drop table marts.fct_interactions; -- [bold]\x1b[31m"


def events(number: int, conversation: str, text: str, **response: Any) -> list[dict[str, Any]]:
    """A query of hour `number`, and the call that serves it."""
    at = START + number * HOUR
    same = {"user_id": "u1", "session_id": f"s{number}", "conversation_id": conversation}
    return [
        {
            "event": "llm_query_sent", "event_id": f"q{number}", "timestamp": at,
            "query_text": text, "feature": "chat", **same,
        },
        {
            "event": "llm_response_generated", "event_id": f"r{number}", "timestamp": at + 2000,
            "response_id": f"x{number}",
            "response_text": f"answer {number}", "latency_ms": 1000 + number, "status": "success",
            "model": "gpt-4o", "query_id": f"q{number}", **same, **response,
        },
    ]  # fmt: skip


# The product is built once, by one of pytest's workers.
pytestmark = pytest.mark.xdist_group("conversations")


@pytest.fixture(scope="module")
def product(
    make_project: Callable[[Path], DbtProject], tmp_path_factory: pytest.TempPathFactory
) -> DbtProject:
    """Three conversations of five queries; the second fails once, one answer is disliked."""
    folder = tmp_path_factory.mktemp("conversations")
    project = make_project(folder)
    lines = [
        *events(0, "c1", "How do I cancel my PLAN?"),
        *events(1, "c1", "and the refund", latency_ms=9000),
        *events(2, "c2", "plan a trip", status="error", error_type="timeout"),
        *events(3, "c3", EVIL),
        *events(4, "c3", "nothing", latency_ms=3),
        {
            "event": "response_feedback", "event_id": "f0", "timestamp": START + 60_000,
            "user_id": "u1", "response_id": "x0", "feedback_type": "thumbs_down",
            "feedback_text": "useless", "conversation_id": "c1",
        },
    ]  # fmt: skip
    file = folder / "events.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    project.command("load", "--text", "keep", file)
    project.dbt(*BUILD)
    return project


@pytest.fixture
def ask(
    product: DbtProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[dict[str, Any]]]:
    """What the command finds, as JSON."""
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", product.warehouse)

    def run(*arguments: str) -> list[dict[str, Any]]:
        assert main(["conversations", "--json", *arguments]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return run


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["interaction_id"] for row in rows]


def test_behind_a_metric_are_the_interactions_that_make_it(
    ask: Callable[..., list[dict[str, Any]]],
) -> None:
    # One of each conversation, the slowest first; what failed has no latency.
    assert ids(ask("--metric", "latency_p95")) == ["q1", "q3"]
    assert ids(ask("--metric", "error_rate")) == ["q2"]
    assert ids(ask("--metric", "user_error_rate")) == ["q2"]
    (disliked,) = ask("--metric", "thumbs_ratio")
    assert [(text["speaker"], text["kept_text"]) for text in disliked["texts"]] == [
        ("user", "How do I cancel my PLAN?"), ("model", "answer 0"), ("feedback", "useless"),
    ]  # fmt: skip
    assert ids(ask("--sample", "1")) == ["q4"]
    assert ids(ask("--where", "conversation_id=c3", "--where", "feature=chat")) == ["q4"]
    assert ask("--where", "feature=nothing") == []


def test_words_are_found_whatever_their_case_and_are_data(
    ask: Callable[..., list[dict[str, Any]]],
) -> None:
    assert sorted(ids(ask("--search", "plan"))) == ["q0", "q2"]
    assert ids(ask("--search", "plan USELESS")) == ["q0"]
    # A percent sign and an underscore are themselves, and a quote ends nothing.
    assert ids(ask("--search", "0% _sure_';")) == ["q3"]
    assert ask("--search", "%an") == []
    assert ask("--where", "feature=' or 1=1 --") == []
    assert len(ask()) == 3


def test_texts_do_not_steer_a_terminal(
    ask: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conversations", "--where", "interaction_id=q3"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[31m" not in shown
    assert "[bold]" in shown


@pytest.mark.parametrize(
    ("metric", "filters", "said"),
    [
        ("nps", [], "no conversations are known to be behind nps"),
        (None, ["latency_ms>5"], "COLUMN=VALUE"),
        (None, ["1=1 or feature=x"], "COLUMN=VALUE"),
    ],
)
def test_what_cannot_be_asked_is_an_error(
    metric: str | None, filters: list[str], said: str
) -> None:
    with pytest.raises(LlmAnalyticsError, match=said):
        wanted_by(metric, filters, None)


def test_every_condition_is_of_columns_that_are_there(product: DbtProject) -> None:
    for condition, order in BEHIND.values():
        product.query(f"select 1 from marts.fct_interactions where {condition} order by {order}")


def test_an_incident_is_its_metric_in_its_time(
    product: DbtProject, ask: Callable[..., list[dict[str, Any]]]
) -> None:
    product.execute(
        "create or replace table marts.incidents as select 'i1' as incident_id,"
        " 'error_rate' as metric, 'feature' as dimension, 'chat' as value,"
        " timestamp '2025-03-01 12:00:00' as opened_at,"
        " timestamp '2025-03-01 13:00:00' as last_seen_at"
    )
    assert ids(ask("--incident", "i1")) == ["q2"]
    product.execute("update marts.incidents set opened_at = timestamp '2025-03-01 12:00:01'")
    assert ask("--incident", "i1") == []
    with pytest.raises(LlmAnalyticsError, match="no incident i2"):
        wanted_by(None, [], "i2")


def test_without_texts_the_structure_is_shown(
    project: DbtProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", project.warehouse)
    assert main(["conversations"]) == 1
    assert "run `dbt build` first" in capsys.readouterr().err
    file = tmp_path / "events.jsonl"
    lines = events(0, "c1", "secret words")
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    project.command("load", "--text", "drop", file)
    project.dbt(*BUILD)
    assert main(["conversations"]) == 0
    shown = capsys.readouterr().out
    assert "1,000 ms" in shown
    assert "The policy dropped the texts" in shown
    assert "secret" not in shown
    assert main(["conversations", "--search", "secret"]) == 1
    assert "there is no text to search" in capsys.readouterr().err


def test_transcripts_are_never_public(product: DbtProject) -> None:
    """What is published is public; a restricted model is not, and no mart reads one."""
    nodes = product.manifest().nodes
    restricted = {name for name, node in nodes.items() if node.path.startswith("restricted/")}
    assert restricted == {"model.llm_analytics.transcripts"}
    assert {str(nodes[name].access) for name in restricted} == {"protected"}
    readers = [
        n for n, node in nodes.items() if restricted & set(getattr(node.depends_on, "nodes", []))
    ]
    assert all(nodes[name].resource_type == "test" for name in readers)
