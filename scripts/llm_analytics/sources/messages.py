"""What a recorded request or response says, whichever provider's form its messages have.

Known are the forms of OpenAI (chat and responses), Anthropic, Gemini, LangChain and OpenTelemetry
(messages with parts), as values or as JSON in a string. What has none of these forms says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_USER = ("user", "human")
_TOOL_CALL = ("tool_call", "tool_use", "function_call", "functionCall", "tool-call")
_TEXT = ("text", "input_text", "output_text", None)
#: Where a wrapper keeps what is asked, and what is answered; the first that says something counts.
_ASKED = (
    "messages", "contents", "input", "prompt", "new_message", "query", "question", "kwargs",
)  # fmt: skip
_ANSWERED = (
    "choices", "candidates", "output", "message", "content", "messages", "generations", "text",
    "completion", "response",
)  # fmt: skip
_DEPTH = 8


def parsed(value: Any) -> Any:
    """A value that may be JSON in a string, or JSON of that; a string that is no JSON is itself."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def user_text(request: Any) -> str | None:
    """The last message of the user in a request; a request that is only text is that message."""
    return _asked(parsed(request), _DEPTH)


def answer_text(response: Any) -> str | None:
    """What the model wrote in a response, without its calls of tools."""
    return _answered(parsed(response), _DEPTH)


def count_tool_calls(response: Any) -> int:
    """How many tools a response calls."""
    return sum(1 for part in _walk(parsed(response), _DEPTH) if _is_tool_call(part))


def finish_reason(response: Any) -> str | None:
    """Why the generation of a response stopped, in the provider's words."""
    for part in _walk(parsed(response), _DEPTH):
        for key in ("finish_reason", "stop_reason", "finishReason"):
            if isinstance(part.get(key), str) and part[key]:
                return str(part[key])
    return None


def _asked(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return value or None
    if not depth:
        return None
    if isinstance(value, dict):
        role = _role(value)
        if role is not None:
            return _text(value, depth - 1) if role in _USER else None
        for key in _ASKED:
            found = _asked(parsed(value[key]), depth - 1) if key in value else None
            if found:
                return found
        # Gemini leaves out the role of the only message.
        return _text(value, depth - 1) if "parts" in value else None
    if isinstance(value, list):
        for item in reversed(value):
            found = _asked(item, depth - 1)
            if found:
                return found
    return None


def _answered(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return value or None
    if not depth:
        return None
    if isinstance(value, dict):
        if _role(value) in _USER or _is_tool_call(value):
            return None
        found = _text(value, depth - 1)
        for key in _ANSWERED:
            if found:
                break
            found = _answered(value[key], depth - 1) if key in value else None
        return found
    if isinstance(value, list):
        return "\n".join(filter(None, (_answered(item, depth - 1) for item in value))) or None
    return None


def _role(message: dict[str, Any]) -> str | None:
    """Who speaks: `role`, or LangChain's `type`; None if it is no message."""
    role = message.get("role")
    if isinstance(role, str):
        return role
    kind = message.get("type")
    is_langchain = kind in ("human", "ai", "system", "tool") and "content" in message
    return str(kind) if is_langchain else None


def _text(message: dict[str, Any], depth: int) -> str | None:
    """The text of a message: its content, or the parts of it that are text."""
    content = message.get("parts", message.get("content"))
    if isinstance(content, str):
        return content or None
    if isinstance(content, dict) and depth:
        return _text(content, depth - 1)
    if not isinstance(content, list):
        return None
    texts = [
        part if isinstance(part, str) else part.get("text", part.get("content"))
        for part in content
        if isinstance(part, str) or (isinstance(part, dict) and part.get("type") in _TEXT)
    ]
    return "\n".join(text for text in texts if isinstance(text, str) and text) or None


def _is_tool_call(part: dict[str, Any]) -> bool:
    """Whether this names a tool to call, in any of the forms."""
    return (
        part.get("type") in _TOOL_CALL
        or "functionCall" in part
        or isinstance(part.get("function_call"), dict)
        or ("function" in part and "arguments" in str(part["function"]))
    )


def _walk(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """All objects of a response, but nothing inside a call of a tool."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, depth)
    elif isinstance(value, dict):
        yield value
        if depth and not _is_tool_call(value):
            for key in (*_ANSWERED, "parts", "tool_calls", "additional_kwargs"):
                if isinstance(value.get(key), dict | list):
                    yield from _walk(value[key], depth - 1)
