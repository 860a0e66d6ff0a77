"""The converters of public data sets: what they mint, and what they refuse."""

from __future__ import annotations

import json
import re
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


def test_a_session_as_published_is_read_like_its_rows(tmp_path: Path) -> None:
    session = {
        "id": "t",
        "block_size": 64,
        "requests": [
            {"t": 0.0, "model": "m", "in": 150, "out": 3, "hash_ids": [1, 2, 3], "api_time": 7.34},
            {"t": 2.5, "model": "m", "in": 190, "out": 4, "hash_ids": [1, 2, 9, 3], "stop": "end"},
            {"t": 3.5, "model": "m", "in": 100, "out": 4, "hash_ids": [1, 2]},
        ],
    }
    (tmp_path / "session.json").write_text(json.dumps(session))
    convert_claude_code(tmp_path / "session.json", tmp_path)
    first, second, third = read(tmp_path / "responses.jsonl")
    assert (first["event_id"], first["latency_ms"]) == ("t:main:0", 7_340)
    # Two leading blocks were seen, the third was not; and never more than the input.
    assert [event["cache_read_tokens"] for event in (first, second, third)] == [0, 128, 100]
    assert second["finish_reason"] == "end"
    (tmp_path / "session.json").write_text('{"id": "t", "requests": [{"t": 0}]}')
    with pytest.raises(LlmAnalyticsError, match="not a session of requests"):
        convert_claude_code(tmp_path / "session.json", tmp_path)


@pytest.mark.parametrize("session", ["0001", "0675"])
def test_published_sessions_are_those_of_the_csv(
    tmp_path: Path, shared: Path, session: str
) -> None:
    folder = shared / "data" / "weka_claude_code"
    convert_claude_code(folder / f"trace_{session}.original.json", tmp_path / "json")
    convert_claude_code(folder / "requests_odd_traces.csv", tmp_path / "csv")
    ours = read(tmp_path / "json" / "responses.jsonl")
    theirs = [
        event
        for event in read(tmp_path / "csv" / "responses.jsonl")
        if event["session_id"] == f"trace_{session}"
    ]
    # Sessions begin one after another, and are numbered through: that depends on the file.
    for event in (*ours, *theirs):
        del event["timestamp"], event["sequence_number"]
    assert len(ours) == {"0001": 41, "0675": 19}[session]
    assert ours == theirs


# ---- traces of serving systems


TRACES = {
    "azure-llm": "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951699,396,109\n",
    "burstgpt": "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type,Session ID,"
    "Elapsed time\n5,ChatGPT,472,18,490,Conversation log,9,1.25\n45,GPT-4,7,0,7,API log,,\n",
    "mooncake": '{"timestamp": 3000, "input_length": 6758, "output_length": 500, "hash_ids": []}\n',
    "llmperf": '{"e2e_latency_ms": 1500.4, "ttft_ms": 99.6, "number_input_tokens": 10, '
    '"number_output_tokens": 2, "model": "m", "run_id": "r", "error_code": null}\n'
    '{"e2e_latency_ms": 20.0, "ttft_ms": 10.0, "number_input_tokens": 11, '
    '"number_output_tokens": 0, "model": "m", "run_id": "r", "error_code": 429}\n',
}


def converted(folder: Path, name: str, *options: str) -> list[dict[str, Any]]:
    """The events of one of TRACES; each field one of the plan."""
    (folder / "trace").write_text(TRACES[name])
    run = run_command(["convert", name, folder / "trace", "--out", folder, *options])
    assert run.returncode == 0, run.stderr
    events = read(folder / "responses.jsonl")
    assert all(set(event) <= set(read_plan()["responses"].by_name) for event in events)
    assert all(event["implies_query"] and event["app_id"] == name for event in events)
    return events


def test_azures_trace_has_its_own_times_unless_it_is_moved(tmp_path: Path) -> None:
    first, second = converted(tmp_path, "azure-llm")
    assert first["timestamp"] == "2023-11-16T18:15:46.680590Z"
    assert second["timestamp"] == "2023-11-16T18:15:50.995169Z"
    assert (second["input_tokens"], second["output_tokens"]) == (396, 109)
    assert "request_model" not in first
    first, second = converted(
        tmp_path, "azure-llm", "--model", "gpt-4o", "--start", "2025-01-06T00:00:00"
    )
    assert second["timestamp"] == "2025-01-06T00:00:04.314579Z"
    assert second["request_model"] == "gpt-4o"


def test_a_response_without_a_token_is_a_failure_in_burstgpt(tmp_path: Path) -> None:
    first, second = converted(tmp_path, "burstgpt")
    assert first["timestamp"] == "2023-12-04T00:00:06.250000Z"
    assert (first["request_model"], first["session_id"], first["latency_ms"]) == (
        "ChatGPT", "9", 1250,
    )  # fmt: skip
    assert "status" not in first
    assert (second["status"], second["feature"]) == ("error", "API log")
    assert "session_id" not in second


def test_mooncakes_times_are_since_its_start(tmp_path: Path) -> None:
    (event,) = converted(tmp_path, "mooncake")
    assert event["timestamp"] == "2023-12-04T00:00:03.000000Z"
    assert (event["input_tokens"], event["output_tokens"]) == (6758, 500)


def test_llmperfs_requests_follow_one_another(tmp_path: Path) -> None:
    first, second = converted(tmp_path, "llmperf")
    assert (first["latency_ms"], first["time_to_first_token_ms"]) == (1500, 100)
    assert first["timestamp"] == "2023-12-04T00:00:01.500000Z"
    assert second["timestamp"] == "2023-12-04T00:00:01.520000Z"
    assert (second["error_type"], second["status"]) == ("429", "error")


@pytest.mark.parametrize("name", TRACES)
def test_another_file_is_no_trace(tmp_path: Path, name: str) -> None:
    (tmp_path / "trace").write_text("a,b\n1,2\n")
    run = run_command(["convert", name, tmp_path / "trace", "--out", tmp_path])
    assert run.returncode == 1
    assert re.search(r"line [12]: not a request", run.stderr), run.stderr


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
