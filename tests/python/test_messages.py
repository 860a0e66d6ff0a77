"""What requests and responses say, in the forms that providers and libraries have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_analytics.sources.messages import (
    answer_text,
    count_tool_calls,
    finish_reason,
    user_text,
)

REQUESTS = {
    "text": "Hello",
    "OpenAI chat": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "First"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "image_url"}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "42"},
    ],
    "OpenAI responses": {"model": "m", "input": [{"role": "user", "content": "Hello"}]},
    "Anthropic, after the result of a tool": {
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
        ],
    },
    "Gemini": {"contents": [{"parts": [{"text": "Hello"}]}]},
    "Gemini's agent": {"new_message": {"role": "user", "parts": [{"text": "Hello"}]}},
    "LangChain": {"messages": [[{"type": "human", "content": "Hello"}]]},
    "OpenTelemetry": [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}],
}
RESPONSES = {
    "text": "Hi",
    "OpenAI chat": {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]},
    "OpenAI responses": {
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
        ],
        "text": {"format": {"type": "text"}},
    },
    "Anthropic": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}],
    },
    "Gemini": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}}]},
    "LangChain": {"generations": [[{"text": "Hi"}]]},
    "OpenTelemetry": [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}],
}
CALLS_OF_TOOLS = {
    "OpenAI chat": {
        "choices": [
            {
                "finish_reason": "tool_calls",
                "message": {
                    "content": None,
                    "tool_calls": [
                        {"type": "function", "function": {"name": n, "arguments": "{}"}}
                        for n in ("f", "g")
                    ],
                },
            }
        ]
    },
    "OpenAI responses": {"output": [{"type": "function_call", "name": n} for n in ("f", "g")]},
    "Anthropic": {
        "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "name": n, "input": {"text": "x"}} for n in ("f", "g")],
    },
    "Gemini": {
        "candidates": [{"content": {"parts": [{"functionCall": {}}, {"functionCall": {}}]}}]
    },
    "LangChain": {
        "content": "",
        "additional_kwargs": {
            "tool_calls": [{"function": {"arguments": "{}", "name": n}} for n in ("f", "g")]
        },
    },
    "OpenTelemetry": [
        {"role": "assistant", "parts": [{"type": "tool_call", "name": n} for n in ("f", "g")]}
    ],
}


@pytest.mark.parametrize("form", REQUESTS)
def test_the_last_message_of_the_user_is_found(form: str) -> None:
    assert user_text(REQUESTS[form]) == "Hello"


@pytest.mark.parametrize("form", RESPONSES)
def test_the_answer_is_found(form: str) -> None:
    assert answer_text(RESPONSES[form]) == "Hi"
    assert count_tool_calls(RESPONSES[form]) == 0


@pytest.mark.parametrize("form", CALLS_OF_TOOLS)
def test_calls_of_tools_are_counted_and_are_no_answer(form: str) -> None:
    assert count_tool_calls(CALLS_OF_TOOLS[form]) == 2
    assert answer_text(CALLS_OF_TOOLS[form]) is None


def test_the_reason_is_the_providers() -> None:
    assert finish_reason(CALLS_OF_TOOLS["OpenAI chat"]) == "tool_calls"
    assert finish_reason(CALLS_OF_TOOLS["Anthropic"]) == "tool_use"
    assert finish_reason(CALLS_OF_TOOLS["Gemini"]) is None


@pytest.mark.parametrize("form", [*REQUESTS, "twice"])
def test_json_in_a_string_is_as_good(form: str) -> None:
    once = json.dumps(REQUESTS["OpenAI chat" if form == "twice" else form])
    assert user_text(json.dumps(once) if form == "twice" else once) == "Hello"


@pytest.mark.parametrize(
    "said", [None, 7, True, {}, [], {"role": "tool", "content": "x"}, {"a": 1}]
)
def test_what_has_none_of_the_forms_says_nothing(said: Any) -> None:
    assert user_text(said) is None
    assert answer_text(None if said == {"role": "tool", "content": "x"} else said) is None


def test_what_only_looks_like_json_is_text() -> None:
    assert user_text("{not json") == "{not json"
    assert user_text("[1, 2") == "[1, 2"


def test_deep_nesting_ends() -> None:
    nested: Any = "Hello"
    for _ in range(2000):
        nested = {"input": [nested]}
    assert user_text(nested) is None
    assert user_text("[" * 100_000) == "[" * 100_000
