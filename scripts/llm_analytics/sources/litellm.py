"""LiteLLM's spend logs: rows of LiteLLM_SpendLogs, and the payload that its loggers write to files.

Both have the same facts, the payload under names of its own and with times in seconds. Texts are
there only if the proxy stores prompts. docs/sources/litellm.md has the references.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.dialogue import dialogue_of, reply_of, thread_of
from llm_analytics.sources.values import number, text, time_of_epoch

Row = dict[str, Any]

_NAMES = (
    "call_type", "model", "model_group", "custom_llm_provider", "end_user", "team_id",
    "organization_id", "status", "agent_id", "trace_id",
)  # fmt: skip
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_USAGE = (
    *_COUNTS, "input_tokens", "output_tokens",
    "prompt_tokens_details.cached_tokens", "prompt_tokens_details.cache_creation_tokens",
    "completion_tokens_details.reasoning_tokens",
    "input_tokens_details.cached_tokens", "output_tokens_details.reasoning_tokens",
    "cache_read_input_tokens", "cache_creation_input_tokens",
)  # fmt: skip
#: Where the counts of the provider are: the whole usage, and what is not a column of its own.
_USAGES = {"usage_object": "usage_object_", "additional_usage_values": "additional_usage_"}
_CONVERSATIONS = ("conversation_id", "thread_id", "chat_id")
#: What a request says when the client, not the proxy, made the session.
_SESSIONS = ("litellm_session_id", "litellm_trace_id", "session_id", "trace_id")


class LiteLlmUnpacker:
    """Turns a row or a payload into one call."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """Whether this has the columns that only LiteLLM's logs have together."""
        is_row = {"request_id", "call_type", "spend"} <= native.keys()
        return is_row or {"id", "call_type", "response_cost"} <= native.keys()

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The call of a row. Raises Malformed if what it nests is not as LiteLLM nests it."""
        is_row = "request_id" in native
        if not is_row and "id" not in native:
            raise Malformed(Reason.WRONG_STRUCTURE, "request_id")
        metadata = _nested(native, "metadata")
        error = _nested(metadata, "error_information") or _nested(native, "error_information")
        told = _nested(metadata, "spend_logs_metadata")
        body = _parsed(native.get("proxy_server_request"))
        asked = _nested(body, "body") or body if isinstance(body, dict) else {}
        dialogue = dialogue_of(asked or {"messages": _parsed(native.get("messages"))})
        answered = _parsed(native.get("response"))
        reply = reply_of(answered if answered != {} else None)

        fields: Row = {name: text(native.get(name)) for name in _NAMES}
        for name in _COUNTS:
            fields[name] = number(native.get(name))
        fields["timestamp"] = time_of_epoch(native.get("endTime") or native.get("startTime"))
        fields["started_at"] = time_of_epoch(native.get("startTime"))
        fields["completion_started_at"] = time_of_epoch(native.get("completionStartTime"))
        fields["event_id"] = text(native.get("request_id" if is_row else "id"))
        fields["spend"] = number(native.get("spend" if is_row else "response_cost"))
        fields["cache_hit"] = _lower_text(native.get("cache_hit"))
        fields["session_id"] = text(native.get("session_id") or native.get("trace_id"))
        fields["status"] = fields["status"] or text(metadata.get("status"))
        fields["error_class"] = text(error.get("error_class"))
        fields["error_code"] = text(error.get("error_code"))
        fields["finish_reason"] = _finish_reason(answered)
        fields["user_api_key_org_id"] = text(metadata.get("user_api_key_org_id"))
        fields["user_api_key_team_id"] = text(metadata.get("user_api_key_team_id"))
        fields["end_user"] = fields["end_user"] or text(
            metadata.get("user_api_key_end_user_id") or told.get("user_id")
        )
        fields["feature"] = text(told.get("feature") or told.get("use_case"))
        fields["environment"] = text(told.get("environment"))
        for name, prefix in _USAGES.items():
            fields |= _usage(_nested(metadata, name), prefix)
        fields |= _stated(told, asked)
        user = fields["end_user"] if isinstance(fields["end_user"], str) else None
        fields |= thread_of(user, dialogue, reply, context.keyed_hash)
        fields["input_text"] = dialogue.last_message
        fields["output_text"] = reply.text or None if reply else None
        if dialogue.last_message is not None:
            fields["input_length"] = len(dialogue.last_message)
        if reply is not None:
            fields["output_length"] = len(reply.text)
            fields["tool_call_count"] = len(reply.calls) or None
        yield Record("spend_logs", {n: value for n, value in fields.items() if value is not None})


UNPACKER = LiteLlmUnpacker()


def _stated(told: Row, asked: Row) -> Row:
    """A conversation that the client names, and whether the session is the client's at all.

    LiteLLM gives a request without a session one of its own.
    """
    sent = _nested(asked, "metadata")
    stated = next((held[k] for held in (told, sent) for k in _CONVERSATIONS if held.get(k)), None)
    is_of_client = any(held.get(name) for held in (asked, sent) for name in _SESSIONS)
    return {"conversation_id": text(stated), "is_session_of_client": is_of_client or None}


def _usage(usage: Row, prefix: str) -> Row:
    """Counts of tokens by their paths."""
    fields: Row = {}
    for path in _USAGE:
        value: Any = usage
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            fields[prefix + path.replace(".", "_")] = value
    return fields


def _nested(held: Any, name: str) -> Row:
    """An object within a row, also as its JSON; empty without one. Raises Malformed."""
    value = _parsed(held.get(name)) if isinstance(held, dict) else None
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise Malformed(Reason.WRONG_TYPE, name)
    return value


def _parsed(value: Any) -> Any:
    """A value, or what a string that holds a JSON object or array says."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _finish_reason(answered: Any) -> Any:
    """Why generation stopped, where the response is stored."""
    if not isinstance(answered, dict):
        return None
    choices = answered.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else answered
    found = first.get("finish_reason") if isinstance(first, dict) else None
    return text(found or answered.get("stop_reason"))


def _lower_text(value: Any) -> Any:
    """True, False and None of Python as a log spells them, in lower case; None for an empty one."""
    return str(value).lower() or None if isinstance(value, bool | str) else value
