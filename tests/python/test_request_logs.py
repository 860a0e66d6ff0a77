"""Request logs: conversations that no record names, and tokens as each provider counts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.loading.policy import Policy
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.litellm import UNPACKER as LITELLM
from llm_analytics.sources.registry import find_source
from llm_analytics.sources.request_logs import UNPACKER
from llm_analytics.sources.values import time_of_epoch
from support.project import DbtProject

CONTEXT = Context("log.jsonl", Policy())


def unpack(native: dict[str, Any], context: Context = CONTEXT) -> dict[str, Any]:
    """The fields of the only call of a record."""
    (record,) = UNPACKER.unpack(native, context)
    assert isinstance(record, Record)
    return record.fields


def chat(*texts: str, reply: str | None = None, system: str | None = None) -> dict[str, Any]:
    """A request of OpenAI's chat API whose messages alternate from the user's, and its response."""
    said = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    instructions = [{"role": "system", "content": system}] if system else []
    log: dict[str, Any] = {"request": {"model": "m", "messages": [*instructions, *said]}}
    if reply is not None:
        log["response"] = {"choices": [{"message": {"role": "assistant", "content": reply}}]}
    return log


# Streams: the chunks say what the whole response would.

CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
CHAT_WHOLE = {
    "id": "c1", "object": "chat.completion", "created": 1735689600, "model": "gpt-x",
    "choices": [{
        "index": 0, "finish_reason": "tool_calls",
        "message": {
            "role": "assistant", "content": "Hello",
            "tool_calls": [{
                "id": "t1", "type": "function",
                "function": {"name": "look", "arguments": '{"at": 1}'},
            }],
        },
    }],
    "usage": CHAT_USAGE,
}  # fmt: skip
MESSAGE_USAGE = {"input_tokens": 9, "output_tokens": 4, "cache_read_input_tokens": 2}
MESSAGE_WHOLE = {
    "id": "m1", "type": "message", "role": "assistant", "model": "claude-x",
    "stop_reason": "tool_use", "usage": MESSAGE_USAGE,
    "content": [
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": 1}},
    ],
}  # fmt: skip
GEMINI_WHOLE = {
    "modelVersion": "gemini-x", "responseId": "g1",
    "candidates": [
        {"finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "Hello"}]}}
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
}  # fmt: skip
RESPONSE_WHOLE = {
    "id": "r1", "object": "response", "status": "completed", "model": "gpt-x",
    "output": [{"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "Hello"}]}],
    "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13,
              "input_tokens_details": {"cached_tokens": 0}},
}  # fmt: skip


def chat_chunks() -> list[dict[str, Any]]:
    about = {key: CHAT_WHOLE[key] for key in ("id", "created", "model")}
    call = {"index": 0, "id": "t1", "type": "function"}
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": "Hel"},
        {"content": "lo"},
        {"tool_calls": [{**call, "function": {"name": "look", "arguments": '{"at"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
        {},
    ]
    chunks: list[dict[str, Any]] = [
        {**about, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
        for delta in deltas
    ]
    chunks[-1]["choices"][0]["finish_reason"] = "tool_calls"
    # A second answer to the same request, and the usage alone at the end.
    other = {"index": 1, "delta": {"content": "Bonjour"}}
    chunks.insert(2, {**about, "object": "chat.completion.chunk", "choices": [other]})
    last = {"object": "chat.completion.chunk", "choices": [], "usage": CHAT_USAGE}
    return [*chunks, {**about, **last}]


def message_chunks() -> list[dict[str, Any]]:
    begun = {key: MESSAGE_WHOLE[key] for key in ("id", "type", "role", "model")}
    tool = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    piece = "content_block_delta"
    return [
        {"type": "message_start", "message": {
            **begun, "content": [], "stop_reason": None,
            "usage": {**MESSAGE_USAGE, "output_tokens": 1},
        }},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": piece, "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": piece, "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": tool},
        {"type": piece, "index": 1, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": piece, "index": 1, "delta": {
            "type": "input_json_delta", "partial_json": '{"at": 1}',
        }},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
         "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ]  # fmt: skip


def gemini_chunks() -> list[dict[str, Any]]:
    about = {"modelVersion": "gemini-x", "responseId": "g1"}
    return [
        {**about, "candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}}]},
        {**GEMINI_WHOLE, "candidates": [
            {"finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "lo"}]}},
        ]},
    ]  # fmt: skip


def response_chunks() -> list[dict[str, Any]]:
    begun = {**RESPONSE_WHOLE, "status": "in_progress", "output": [], "usage": None}
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.output_text.delta", "delta": "Hello"},
        {"type": "response.completed", "response": RESPONSE_WHOLE},
    ]


STREAMS = [
    pytest.param(CHAT_WHOLE, chat_chunks(), id="chat"),
    pytest.param(MESSAGE_WHOLE, message_chunks(), id="messages"),
    pytest.param(GEMINI_WHOLE, gemini_chunks(), id="gemini"),
    pytest.param(RESPONSE_WHOLE, response_chunks(), id="responses"),
]


def as_events(chunks: list[dict[str, Any]]) -> str:
    """Chunks as the server-sent events that carried them."""
    return "".join(f"event: x\ndata: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]"


@pytest.mark.parametrize(("whole", "chunks"), STREAMS)
def test_a_streamed_response_is_read_as_the_whole_one(
    whole: dict[str, Any], chunks: list[dict[str, Any]]
) -> None:
    asked = {"request": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}}
    expected = unpack({**asked, "response": whole})
    assert expected["output_text"] == "Hello"
    for streamed in (chunks, json.dumps(chunks), as_events(chunks), {"body": as_events(chunks)}):
        assert UNPACKER.recognises({"response": streamed})
        assert unpack({**asked, "response": streamed}) == expected


@pytest.mark.parametrize(("whole", "chunks"), STREAMS)
def test_a_stream_that_was_cut_gives_what_had_come(
    whole: dict[str, Any], chunks: list[dict[str, Any]]
) -> None:
    cut = as_events(chunks)[:-40]
    n_whole = cut.count("\n\n")
    assert n_whole < len(chunks)
    found = unpack({"id": "x", "request": {"model": "m", "messages": []}, "response": cut})
    assert found["response_id"] == whole.get("id", whole.get("responseId"))


def test_a_list_that_is_no_stream_is_refused() -> None:
    asked = {"request": {"model": "m", "messages": []}}
    for given in ([1, 2], [{"object": "other"}]):
        with pytest.raises(Malformed):
            unpack({**asked, "response": given})


# Conversations.


def test_all_calls_of_a_conversation_have_one_key_and_each_turn_its_own() -> None:
    calls = [
        unpack(chat("hi", reply="hello")),
        unpack(chat("hi", "hello", "and?", reply="so")),
        unpack(chat("hi", "hello", "and?", "so", "bye")),
    ]
    assert len({call["dialogue_key"] for call in calls}) == 1
    assert [call["user_message_count"] for call in calls] == [1, 2, 3]
    assert len({call["turn_key"] for call in calls}) == 3


@pytest.mark.parametrize(
    "other",
    [
        chat("hi", reply="good day"),
        chat("hey", reply="hello"),
        chat("hi", reply="hello", system="be kind"),
        {**chat("hi", reply="hello"), "user_id": "jane"},
        chat("hi"),
    ],
)
def test_what_differs_in_any_of_the_four_is_another_conversation(other: dict[str, Any]) -> None:
    assert unpack(other)["dialogue_key"] != unpack(chat("hi", reply="hello"))["dialogue_key"]


def test_a_key_of_ids_makes_other_keys_of_conversations() -> None:
    keyed = Context("log.jsonl", Policy(id_key=b"secret"))
    log = chat("hi", reply="hello")
    assert unpack(log)["dialogue_key"] != unpack(log, keyed)["dialogue_key"]


CALL = {"name": "look", "arguments": '{"b": 1, "a": [2]}'}
#: The same as a client writes it that parses and writes the arguments anew.
REPEATED = {"name": "look", "arguments": '{"a":[2],"b":1}'}
#: The same loop in each API: the first request with its response, and the request after the tool.
LOOPS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "chat": (
        {"messages": [{"role": "user", "content": "go"}]},
        {
            "choices": [
                {
                    "finish_reason": "tool_calls",
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"id": "1", "type": "function", "function": CALL}],
                    },
                }
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "tool_calls": [{"id": "1", "function": REPEATED}]},
                {"role": "tool", "tool_call_id": "1", "content": "x"},
            ]
        },
    ),
    "responses": (
        {"model": "m", "input": "go"},
        {
            "object": "response",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "1", **CALL},
            ],
        },
        {
            "model": "m",
            "input": [
                {"role": "user", "content": "go"},
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "1", **CALL},
                {"type": "function_call_output", "call_id": "1", "output": "x"},
            ],
        },
    ),
    "messages": (
        {"messages": [{"role": "user", "content": "go"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "1", "name": "look", "input": {}},
            ],
        },
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "go"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "ok"},
                        {"type": "tool_use", "id": "1", "name": "look", "input": {}},
                    ],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
            ]
        },
    ),
    "gemini": (
        {"contents": [{"parts": [{"text": "go"}]}]},
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {"text": "hm", "thought": True},
                            {"functionCall": {"name": "look", "args": {"a": 1}}},
                        ],
                    }
                }
            ],
            "usageMetadata": {"promptTokenCount": 1},
        },
        {
            "contents": [
                {"role": "user", "parts": [{"text": "go"}]},
                {
                    "role": "model",
                    "parts": [{"functionCall": {"name": "look", "args": {"a": 1}}}],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "look"}}]},
            ]
        },
    ),
    "converse": (
        {"messages": [{"role": "user", "content": [{"text": "go"}]}]},
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "1", "name": "look", "input": {}}}],
                }
            },
            "usage": {"inputTokens": 1},
        },
        {
            "messages": [
                {"role": "user", "content": [{"text": "go"}]},
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "1", "name": "look", "input": {}}}],
                },
                {"role": "user", "content": [{"toolResult": {"toolUseId": "1"}}]},
            ]
        },
    ),
}


@pytest.mark.parametrize("api", LOOPS)
def test_a_loop_around_a_tool_is_one_turn_in_every_api(api: str) -> None:
    request, response, after = LOOPS[api]
    first = unpack({"request": request, "response": response})
    second = unpack({"request": after})
    assert first["tool_call_count"] == 1
    assert "is_tool_continuation" not in first
    assert second["is_tool_continuation"] is True
    assert second["turn_key"] == first["turn_key"]
    assert second["input_text"] == first["input_text"] == "go"


def test_litellm_gives_the_same_conversation_the_same_key() -> None:
    log = chat("hi", "hello", "and?", reply="so")
    row = {
        "request_id": "r", "call_type": "acompletion", "spend": 0.1,
        "proxy_server_request": json.dumps(log["request"]),
        "response": json.dumps(log["response"]),
    }  # fmt: skip
    (record,) = LITELLM.unpack(row, CONTEXT)
    assert isinstance(record, Record)
    assert record.fields["dialogue_key"] == unpack(chat("hi", reply="hello"))["dialogue_key"]


@pytest.mark.parametrize("source", ["request_logs", "litellm"])
def test_people_and_accounts_land_as_the_policy_of_ids_says(source: str) -> None:
    (stream,) = find_source(source).streams.values()
    names = {field.name for field in stream.fields if field.is_identifier}
    assert names == {
        "request_logs": {"user_id", "account_id"},
        "litellm": {
            "end_user", "team_id", "organization_id", "user_api_key_team_id",
            "user_api_key_org_id",
        },
    }[source]  # fmt: skip


# Times, and whose file it is.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_772_442_031, "2026-03-02T09:00:31.000000Z"),
        (1_772_442_031.25, "2026-03-02T09:00:31.250000Z"),
        (1_772_442_031_250, "2026-03-02T09:00:31.250000Z"),
        (1_772_442_031_250_001, "2026-03-02T09:00:31.250001Z"),
        (1_772_442_031_250_001_999, "2026-03-02T09:00:31.250001Z"),
        ("1772442031", "2026-03-02T09:00:31.000000Z"),
        ("2026-03-02 09:00:31+01:00", "2026-03-02T09:00:31+01:00"),
        ("yesterday", "yesterday"),
        (True, True),
        (None, None),
    ],
)
def test_a_time_is_read_in_the_unit_that_its_size_tells(value: Any, expected: Any) -> None:
    assert time_of_epoch(value) == expected


@pytest.mark.parametrize(
    ("given", "milliseconds"),
    [
        ({"latency": 1.5}, 1500),
        ({"latency": 1500}, 1500),
        ({"duration": 1234.5}, 1234),
        ({"duration_seconds": 2}, 2000),
        ({"latency_ms": 2.6}, 3),
        ({"latency_ms": "250"}, 250),
        ({"start_time": 1_772_442_000, "end_time": 1_772_442_002.5}, 2500),
        ({"latency": "soon"}, "soon"),
        ({}, None),
    ],
)
def test_a_latency_is_read_in_the_unit_that_its_name_or_form_tells(
    given: dict[str, Any], milliseconds: Any
) -> None:
    assert unpack({**chat("hi"), **given}).get("latency_ms") == milliseconds


@pytest.mark.parametrize(
    ("native", "is_log"),
    [
        (chat("hi"), True),
        ({"response": {"object": "chat.completion"}}, True),
        ({"object": "chat.completion", "choices": []}, True),
        ({"type": "message", "role": "assistant", "content": []}, True),
        ({"request": '{"model": "m", "prompt": "hi"}'}, True),
        ({"request": {"method": "GET", "url": "/"}, "response": {"status": 200}}, False),
        ({"call_type": "acompletion", "spend": 0, "response": {"object": "response"}}, False),
        ({"event": "llm_query_sent", "timestamp": 1}, False),
        ({"resourceSpans": []}, False),
        ({"trace": {}, "observations": []}, False),
        ({"type": "message", "text": "hi"}, False),
    ],
)
def test_only_a_log_of_models_is_recognised(native: dict[str, Any], is_log: bool) -> None:
    assert UNPACKER.recognises(native) is is_log


# Real responses.

#: Which of that project's readings is the provider's own, by what a usage counts its input as.
READINGS = {
    "promptTokenCount": ("google", "default"),
    "inputTokens": ("aws", "default"),
    "billed_units": ("cohere", "default"),
    "prompt_tokens": ("openai", "chat"),
}
SAME = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
}


def reading_of(recorded: dict[str, Any]) -> dict[str, int]:
    """How genai-prices reads a recorded response: tokens by class, input with the cache."""
    usage = recorded["body"].get("usage") or recorded["body"]["usageMetadata"]
    key = next((key for key in READINGS if key in usage), "input_tokens")
    if key == "input_tokens":
        is_openai = "input_tokens_details" in usage or "total_tokens" in usage
        wanted = ("openai", "responses") if is_openai else ("anthropic", "default")
    else:
        wanted = READINGS[key]
    for extracted in recorded["extracted"]:
        for one in extracted["extractors"]:
            if (one["provider_id"], one["api_flavor"]) == wanted:
                return dict(extracted["usage"])
    # Embeddings and a few others are read by their own provider alone.
    return dict(recorded["extracted"][0]["usage"])


def test_recorded_responses_count_as_genai_prices_counts_them(
    tmp_path: Path, make_project: Callable[[Path], DbtProject], shared: Path
) -> None:
    path = shared / "data" / "prices" / "genai_prices_usages_every_5th.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert len(recorded) == 316
    log = tmp_path / "responses.jsonl"
    with log.open("w", encoding="utf-8") as file:
        for number, one in enumerate(recorded):
            native = {
                "id": str(number), "timestamp": "2026-03-02T00:00:00Z", "response": one["body"]
            }  # fmt: skip
            file.write(json.dumps(native) + "\n")
    project = make_project(tmp_path)
    project.command("load", "--source", "request_logs", log)
    project.dbt("run", "--select", "stg_request_logs__responses")
    calls = project.records("select * from staging.stg_request_logs__responses")
    assert len(calls) == len(recorded)
    n_compared = 0
    for call in calls:
        one = recorded[int(call["event_id"].removeprefix("request_logs:"))]
        theirs = reading_of(one)
        ours = dict(call)
        if call["token_convention"] == "exclusive":
            ours["input_tokens"] += (call["cache_read_tokens"] or 0) + (
                call["cache_write_tokens"] or 0
            )
        assert call["token_convention"] in ("inclusive", "exclusive"), one["body"]
        for name, column in SAME.items():
            if name in theirs:
                assert ours[column] == theirs[name], (column, one["body"])
                n_compared += 1
    assert n_compared > 700
