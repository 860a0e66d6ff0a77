"""Who said what in a recorded request and in its response, whichever API they belong to.

Known are OpenAI's chat completions, completions and responses, Anthropic's messages, Gemini's
contents, Bedrock's converse and Cohere's chat. What has none of these forms says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_SPEAKERS = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "chatbot": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TEXT_PARTS = ("text", "input_text", "output_text", None)
#: Parts and items that call a tool of the product, and those that bring a tool's result back.
_CALLS = ("tool_use", "function_call", "tool_call", "custom_tool_call")
_RESULTS = ("tool_result", "function_call_output", "custom_tool_call_output", "mcp_tool_result")


@dataclass(frozen=True)
class Turn:
    """What one speaker says: system, user, assistant or tool; the tools it calls, as text."""

    speaker: str
    text: str
    calls: tuple[str, ...] = ()

    @property
    def gist(self) -> str:
        """What identifies the turn: its words, or the calls of one that says nothing."""
        return self.text.strip() or "\n".join(self.calls)


@dataclass(frozen=True)
class Dialogue:
    """The turns of a request in order; what an assistant says at a stretch is one turn."""

    turns: tuple[Turn, ...]

    @property
    def system(self) -> str:
        """The instructions."""
        return "\n".join(turn.text for turn in self.turns if turn.speaker == "system")

    @property
    def messages(self) -> tuple[Turn, ...]:
        """What the user said."""
        return tuple(turn for turn in self.turns if turn.speaker == "user")

    @property
    def last_message(self) -> str | None:
        """What the user said last; None without a word."""
        return self.messages[-1].text or None if self.messages else None

    @property
    def first_reply(self) -> Turn | None:
        """What the assistant said first after the user."""
        is_begun = False
        for turn in self.turns:
            is_begun = is_begun or turn.speaker == "user"
            if is_begun and turn.speaker == "assistant" and turn.gist:
                return turn
        return None

    @property
    def continues_after_tool(self) -> bool:
        """Does the request bring a tool's result back rather than a message of the user?"""
        return bool(self.turns) and self.turns[-1].speaker == "tool"


def dialogue_of(request: Any) -> Dialogue:
    """The turns of the body of a request; a request that is only text is the user's message."""
    turns: list[Turn] = []
    for turn in _turns(request):
        last = turns[-1] if turns else None
        if last and last.speaker == turn.speaker == "assistant":
            text = "\n".join(filter(None, (last.text, turn.text)))
            turns[-1] = Turn("assistant", text, last.calls + turn.calls)
        else:
            turns.append(turn)
    return Dialogue(tuple(turns))


def reply_of(response: Any) -> Turn | None:
    """What the model says in the body of a response: the first of several choices."""
    if isinstance(response, str):
        return Turn("assistant", response) if response else None
    if not isinstance(response, dict):
        return None
    parts: list[Turn] = []
    for item in _answer_items(response):
        if isinstance(item, str):
            parts.append(Turn("assistant", item))
        elif isinstance(item, dict):
            parts.append(_turn("assistant", item))
    text = "\n".join(part.text for part in parts if part.text)
    calls = tuple(call for part in parts for call in part.calls)
    return Turn("assistant", text, calls) if text or calls else None


def thread_of(
    user: str | None, dialogue: Dialogue, reply: Turn | None, keyed_hash: Callable[[str], str]
) -> dict[str, Any]:
    """What a call has in common with others of its conversation and of its turn, as keyed hashes.

    Each request repeats the messages before it. The first call of a conversation has its first
    reply in the response, the others have it in their requests: so all of them give the same key,
    and none needs to see another. The number of messages of the user is the turn.
    """
    messages = dialogue.messages
    found: dict[str, Any] = {}
    if dialogue.continues_after_tool:
        found["is_tool_continuation"] = True
    if messages:
        first_reply = dialogue.first_reply or reply
        parts = [user or "", dialogue.system, messages[0].text]
        if first_reply is not None:
            parts.append(first_reply.gist)
        key = keyed_hash(json.dumps(parts, ensure_ascii=False))
        found["dialogue_key"] = key
        found["turn_key"] = keyed_hash(f"{key} {len(messages)}")
        found["user_message_count"] = len(messages)
    return found


def count_citations(response: Any) -> int | None:
    """Sources that an answer cites; None where its API marks none."""
    if not isinstance(response, dict):
        return None
    cited = response.get("citations")
    n = len(cited) if isinstance(cited, list) else 0
    for item in _answer_items(response):
        for part in [item, *_list(item.get("content"))] if isinstance(item, dict) else []:
            for key in ("annotations", "citations"):
                if isinstance(part, dict):
                    n += len(_list(part.get(key)))
    return n or None


def _turns(request: Any) -> Iterator[Turn]:
    if isinstance(request, str):
        yield Turn("user", request)
    if not isinstance(request, dict):
        return
    for key in ("system", "instructions", "systemInstruction", "system_instruction", "preamble"):
        if request.get(key):
            yield Turn("system", _text(request[key]))
    for key in ("messages", "contents", "input", "prompt", "chat_history", "message"):
        spoken = request.get(key)
        if isinstance(spoken, str):
            yield Turn("user", spoken)
        for item in _list(spoken):
            if isinstance(item, str):
                yield Turn("user", item)
            elif isinstance(item, dict) and (turn := _spoken(item)):
                yield turn


def _spoken(item: dict[str, Any]) -> Turn | None:
    """An item of a request's messages; None for what nobody says, as traces of reasoning."""
    kind = item.get("type")
    if kind in _RESULTS:
        return Turn("tool", "")
    if kind in _CALLS:
        return Turn("assistant", "", (_call(item),))
    role = item.get("role")
    if role is None and "parts" in item:
        role = "user"  # Gemini leaves it out of a single message
    speaker = _SPEAKERS.get(str(role).lower())
    if speaker is None:
        return None
    if speaker == "user" and any(_is_result(part) for part in _parts(item)):
        return Turn("tool", "")
    return _turn(speaker, item)


def _turn(speaker: str, message: dict[str, Any]) -> Turn:
    """A message, or an item of an answer, with its text and calls of tools."""
    if message.get("type") in _CALLS:
        return Turn(speaker, "", (_call(message),))
    calls = [_call(call) for call in _list(message.get("tool_calls")) if isinstance(call, dict)]
    if isinstance(message.get("function_call"), dict):
        calls.append(_call(message["function_call"]))
    for part in _parts(message):
        if isinstance(part, dict):
            inner = part.get("toolUse") or part.get("functionCall") or part.get("function_call")
            if isinstance(inner, dict) or part.get("type") in _CALLS:
                calls.append(_call(inner if isinstance(inner, dict) else part))
    return Turn(speaker, _text(message), tuple(calls))


def _answer_items(response: dict[str, Any]) -> list[Any]:
    """The messages, items or texts that a response consists of."""
    choices = _list(response.get("choices"))
    if choices and isinstance(choices[0], dict):
        return [choices[0].get("message") or choices[0].get("text") or ""]
    candidates = _list(response.get("candidates"))
    if candidates and isinstance(candidates[0], dict):
        return [candidates[0].get("content")]
    output = response.get("output")
    if isinstance(output, dict):
        return [output.get("message")]
    if isinstance(output, list):
        return output
    for key in ("message", "content", "text", "output_text", "generation", "completion"):
        if isinstance(response.get(key), str):
            return [response[key]]
        if isinstance(response.get(key), dict):
            return [response[key]]
        if isinstance(response.get(key), list):
            return [{"content": response[key]}]
    return []


def _parts(message: dict[str, Any]) -> list[Any]:
    return _list(message.get("parts", message.get("content")))


def _is_result(part: Any) -> bool:
    """Does a part of a user's message bring a tool's result?"""
    return isinstance(part, dict) and (
        part.get("type") in _RESULTS or "toolResult" in part or "functionResponse" in part
    )


def _text(value: Any) -> str:
    """The text of a message or of its parts, without thoughts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text, value)))
    if not isinstance(value, dict) or value.get("thought") is True:
        return ""
    if value.get("type") in _TEXT_PARTS and isinstance(value.get("text"), str):
        return str(value["text"])
    for key in ("parts", "content", "refusal"):
        if isinstance(value.get(key), str | list) and value.get("type") in (
            *_TEXT_PARTS,
            "message",
        ):
            return _text(value[key])
    return str(value["refusal"]) if isinstance(value.get("refusal"), str) else ""


def _call(call: dict[str, Any]) -> str:
    """A call of a tool: its name and its arguments, in one spelling."""
    function = call.get("function")
    inner: dict[str, Any] = function if isinstance(function, dict) else call
    given: Any = next((inner[k] for k in ("arguments", "input", "args") if inner.get(k)), {})
    if isinstance(given, str):
        with suppress(ValueError, RecursionError):
            given = json.loads(given)
    return f"{inner.get('name')}({json.dumps(given, sort_keys=True, default=str)})"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
