"""The converters of public data sets: what they mint, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.examples.claude_code import COLUMNS
from llm_analytics.examples.command import convert_chitchat, convert_claude_code
from llm_analytics.tracking_plan import read_plan
from support.project import run_command

SECOND = "2018-05-02T19:38:15Z"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def message(sender: str, text: str, timestamp: str = SECOND) -> dict[str, str]:
    return {"sender": sender, "text": text, "timestamp": timestamp}


def requests_csv(path: Path, *rows: dict[str, object]) -> Path:
    """A file of requests; what a row leaves out is empty, numbers that must be there are 0."""
    defaults: dict[str, object] = dict.fromkeys(COLUMNS, "") | {
        "trace_id": "t", "request_no": 0, "t_s": "0.0", "model": "claude-opus-4-6",
        "input_tokens": 0, "output_tokens": 0, "cached_input_tokens": 0,
    }  # fmt: skip
    lines = [",".join(str((defaults | row)[column]) for column in COLUMNS) for row in rows]
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return path


# ---- Chit-Chat


def test_messages_that_repeat_within_a_second_stay_apart_and_in_order(tmp_path: Path) -> None:
    chat = {
        "one": {"messages": [[message("ann", "hi"), message("ann", "hi")], [message("bob", "")]]},
        "two": {"messages": [[message("ann", "früher", "2018-05-02T19:38:14Z")]]},
    }
    (tmp_path / "dataset.json").write_text(json.dumps(chat))
    counts = convert_chitchat(tmp_path / "dataset.json", tmp_path / "out")
    assert counts == {"queries.jsonl": 4, "feedback.jsonl": 0}
    queries = read(tmp_path / "out" / "queries.jsonl")
    assert [(query["event_id"], query["sequence_number"]) for query in queries] == [
        ("two:1", 1),
        ("one:1", 2),
        ("one:2", 3),
        ("one:3", 4),
    ]
    assert queries[0] == {
        "event": "llm_query_sent",
        "timestamp": "2018-05-02T19:38:14Z",
        "event_id": "two:1",
        "sequence_number": 1,
        "user_id": "ann",
        "app_id": "chitchat",
        "conversation_id": "two",
        "query_text": "früher",
        "query_length": 6,
    }


def test_a_rating_is_of_its_conversation_and_of_nobody(tmp_path: Path) -> None:
    turns = [[message("ann", "hi")], [message("bob", "ho", "2018-05-02T19:40:00Z")]]
    chat = {
        "rated": {"messages": turns, "ratings": {"witty": 10, "upbeat": 5}},
        "not rated": {"messages": turns},
        "empty": {"messages": [], "ratings": {"witty": 1}},
    }
    (tmp_path / "dataset.json").write_text(json.dumps(chat))
    convert_chitchat(tmp_path / "dataset.json", tmp_path)
    witty, upbeat = read(tmp_path / "feedback.jsonl")
    assert (witty["survey_id"], witty["feedback_score"]) == ("witty", 10)
    assert (upbeat["survey_id"], upbeat["feedback_score"]) == ("upbeat", 5)
    assert witty["conversation_id"] == "rated"
    assert witty["timestamp"] == "2018-05-02T19:40:00Z"
    assert "user_id" not in witty


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"c": {}}', '{"c": {"messages": [{}]}}', '{"c": {"messages": [[{"text": "a"}]]}}'],
)
def test_another_file_is_no_chitchat(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(LlmAnalyticsError, match=r"dataset\.json is not"):
        convert_chitchat(tmp_path / "dataset.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---- Claude Code


def test_a_main_request_implies_a_query_and_a_sub_agents_is_a_step(tmp_path: Path) -> None:
    path = requests_csv(
        tmp_path / "requests.csv",
        {"agent_id": "agent_001", "t_s": "2.5", "api_time_s": "1.0"},
        {"t_s": "2.5", "api_time_s": "7.34", "ttft_s": "0.29", "stop_reason": "tool_use"},
        {"trace_id": "u", "t_s": "0.0", "input_tokens": 9, "cached_input_tokens": 4},
    )
    assert convert_claude_code(path, tmp_path) == {"responses.jsonl": 3}
    main, step, other = read(tmp_path / "responses.jsonl")
    assert (main["event_id"], main["call_role"], main["implies_query"]) == (
        "t:main:0",
        "answer",
        True,
    )
    # The end of the request: it began 2.5 s after its session did.
    assert main["timestamp"] == "2026-03-02T00:00:09.840Z"
    assert (main["latency_ms"], main["time_to_first_token_ms"]) == (7_340, 290)
    assert main["finish_reason"] == "tool_use"
    assert (step["event_id"], step["call_role"], step["implies_query"]) == (
        "t:agent_001:0",
        "step",
        False,
    )
    # The next session begins an hour later; an unknown latency is left out.
    assert other["timestamp"] == "2026-03-02T01:00:00.000Z"
    assert "latency_ms" not in other
    assert (other["input_tokens"], other["cache_read_tokens"]) == (9, 4)
    assert other["token_convention"] == "inclusive"
    assert (other["user_id"], other["session_id"]) == ("u", "u")
    assert all(set(event) <= set(read_plan()["responses"].by_name) for event in (main, step, other))


def test_a_row_that_is_no_request_is_named_by_its_line(tmp_path: Path) -> None:
    path = requests_csv(tmp_path / "requests.csv", {}, {"input_tokens": "many"})
    with pytest.raises(LlmAnalyticsError, match=r"requests\.csv, line 3: not a request: .*many"):
        convert_claude_code(path, tmp_path)
    path.write_text("trace_id,model\n")
    with pytest.raises(LlmAnalyticsError, match="has no column agent_id, api_time_s"):
        convert_claude_code(path, tmp_path)


# ---- the command


def test_the_command_says_what_it_wrote_and_errors_are_one_line(tmp_path: Path) -> None:
    path = requests_csv(tmp_path / "requests.csv", {})
    arguments = ("convert", "claude-code", path, "--out", tmp_path / "out")
    assert "responses.jsonl: 1 events" in run_command(arguments).stdout
    as_json = json.loads(run_command([*arguments, "--json"]).stdout)
    assert as_json == {"folder": str(tmp_path / "out"), "events": {"responses.jsonl": 1}}
    missing = run_command(["convert", "chitchat", tmp_path / "none.json", "--out", tmp_path])
    assert missing.returncode == 1
    assert missing.stderr.splitlines() == [
        f"llm-analytics: cannot read {tmp_path / 'none.json'}: No such file or directory"
    ]
    blocked = run_command([*arguments[:-1], path])
    assert blocked.returncode == 1
    assert blocked.stderr.count("\n") == 1
    assert "cannot write" in blocked.stderr
