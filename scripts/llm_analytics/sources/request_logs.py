"""Logs of requests to models and their responses, in whatever wrapper a team writes them.

A record is an object with the body of a request, that of its response, or both, or a response
alone; the bodies are those of OpenAI's chat completions and responses API (and of all that are
compatible with them), Anthropic's messages, Gemini's generateContent, Bedrock's converse and
Cohere's chat. docs/sources/request_logs.md lists the wrapper's names.

A log has no conversations: each request repeats the messages before it. What identifies one is
therefore made of what all its requests have in common: the user, the instructions, the first
message and the first reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.dialogue import count_citations, dialogue_of, reply_of, thread_of
from llm_analytics.sources.streamed import assembled
from llm_analytics.sources.values import later, moment, number, snake_case, text, time_of_epoch

Row = dict[str, Any]

_REQUESTS = ("request", "request_body", "requestBody", "req", "request_json", "input_body")
_RESPONSES = ("response", "response_body", "responseBody", "res", "response_json", "output_body")
_IDS = ("id", "log_id", "request_id", "requestId", "uuid", "_id")
_STARTS = ("start_time", "started_at", "startTime", "request_time", "request_timestamp",
           "requested_at", "request_created_at", "request_at")  # fmt: skip
_ENDS = ("end_time", "ended_at", "endTime", "completed_at", "finished_at", "response_timestamp",
         "response_created_at", "responded_at", "response_at")  # fmt: skip
_MOMENTS = ("timestamp", "time", "ts", "created_at", "createdAt", "created", "logged_at", "date",
            "@timestamp", "datetime")  # fmt: skip
_LATENCY_MS = ("latency_ms", "duration_ms", "latencyMs", "durationMs", "response_time_ms",
               "elapsed_ms", "delay_ms", "response_ms")  # fmt: skip
_LATENCY_S = ("latency_s", "duration_s", "latency_seconds", "duration_seconds", "elapsed_seconds",
              "elapsed_s", "response_time_s")  # fmt: skip
_LATENCY = ("latency", "duration", "elapsed", "response_time")
_FIRST_MS = ("time_to_first_token_ms", "ttft_ms", "ttftMs", "timeToFirstTokenMs")
_FIRST_S = ("time_to_first_token", "ttft", "ttft_s", "time_to_first_token_seconds")
_FIRST_AT = ("first_token_at", "first_token_time", "completion_start_time", "completionStartTime")
_STATUS = ("status_code", "statusCode", "http_status", "response_status", "status")
_USERS = ("user_id", "userId", "end_user", "endUser", "end_user_id", "user", "customer_id")
_ACCOUNTS = ("account_id", "organization_id", "org_id", "tenant_id", "workspace_id", "team_id")
_CONVERSATIONS = ("conversation_id", "conversationId", "thread_id", "threadId", "chat_id")
_SESSIONS = ("session_id", "sessionId")
_TRACES = ("trace_id", "traceId")
_COSTS = ("cost_usd", "total_cost_usd", "total_cost", "cost")
_NAMES = {
    "account_id": _ACCOUNTS,
    "app_id": ("app_id", "app", "application", "service", "service_name"),
    "environment": ("environment", "env"),
    "platform": ("platform",),
    "app_version": ("app_version", "release"),
    "feature": ("feature", "use_case"),
    "prompt_name": ("prompt_name", "prompt_id"),
    "prompt_version": ("prompt_version",),
    "provider": ("provider", "custom_llm_provider", "llm_provider"),
    "trace_id": _TRACES,
    "session_id": _SESSIONS,
    "conversation_id": _CONVERSATIONS,
}
#: Headers that say who called and within what, in lower case.
_HEADERS = {
    "user_id": ("x-user-id", "helicone-user-id"),
    "session_id": ("x-session-id", "helicone-session-id"),
    "conversation_id": ("x-conversation-id", "x-thread-id"),
    "trace_id": ("x-trace-id",),
}
#: Counts of tokens, by their paths in the usage of a response. Bedrock's spelling gets a name of
#: its own, since what its names mean is not what the same words mean elsewhere.
USAGE = {
    **{
        path: "usage_" + path.replace(".", "_")
        for path in (
            "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens",
            "prompt_tokens_details.cached_tokens", "prompt_tokens_details.cache_write_tokens",
            "prompt_tokens_details.cache_creation_tokens",
            "completion_tokens_details.reasoning_tokens",
            "input_tokens_details.cached_tokens", "input_tokens_details.cache_write_tokens",
            "output_tokens_details.reasoning_tokens", "output_tokens_details.thinking_tokens",
            "cache_read_input_tokens", "cache_creation_input_tokens",
            "prompt_cache_hit_tokens", "prompt_cache_miss_tokens",
            "cached_tokens", "num_cached_tokens", "cached_prompt_text_tokens", "reasoning_tokens",
            "billed_units.input_tokens", "billed_units.output_tokens",
            "tokens.input_tokens", "tokens.output_tokens", "cost",
        )
    },
    **{
        name: "usage_converse_" + snake_case(name)
        for name in ("inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens",
                     "cacheWriteInputTokens")
    },
}  # fmt: skip
USAGE_METADATA = {
    name: "usage_metadata_" + snake_case(name)
    for name in ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount",
                 "cachedContentTokenCount", "toolUsePromptTokenCount", "totalTokenCount")
}  # fmt: skip
_URL_MODEL = re.compile(r"/models?/([^/:?]+)")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST_SECONDS = 600


class RequestLogUnpacker:
    """Turns one record of a log into one call."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """Whether this holds a request or a response of an API of models that is known."""
        if "call_type" in native and ("spend" in native or "response_cost" in native):
            return False  # LiteLLM's own log
        request, response = _first(native, _REQUESTS), _first(native, _RESPONSES)
        if request is None and response is None:
            return _is_response(native)
        return _is_request(_body(request)) or _is_response(_body(response))

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The call that a record tells of. Raises Malformed where it is none."""
        request, response = _first(native, _REQUESTS), _first(native, _RESPONSES)
        if request is None and response is None:
            if not _is_response(native):
                raise Malformed(Reason.WRONG_STRUCTURE, "request")
            native, response = {}, native
        yield Record("calls", _call(native, request, response, context))


UNPACKER = RequestLogUnpacker()


def _call(native: Row, request: Any, response: Any, context: Context) -> Row:
    """One call, from the wrapper's fields and from both bodies."""
    asked, answered = _object("request", request), _object("response", response)
    wrappers = [native, *(_object_or_none(native.get(key)) for key in ("metadata", "properties"))]
    told = [wrapper for wrapper in wrappers if wrapper]
    body = asked.body if isinstance(asked.body, dict) else {}
    answer = answered.body if isinstance(answered.body, dict) else {}
    sent = _object_or_none(body.get("metadata")) or {}
    headers = {**answered.headers, **asked.headers, **_lower(native.get("headers"))}
    dialogue, reply = dialogue_of(asked.body), reply_of(answered.body)

    fields = _names([*told, sent], headers)
    fields |= _times(native, answer)
    fields |= _models(native, body, answer, asked)
    fields |= _outcome(native, answer, answered)
    fields |= _usage(answer)
    fields["event_id"] = text(_first(native, _IDS)) or text(answer.get("id"))
    fields["response_id"] = text(
        answer.get("id") or answer.get("responseId") or answered.headers.get("x-amzn-requestid")
    )
    fields["user_id"] = text(
        _first_of(told, _USERS)
        or body.get("user")
        or body.get("safety_identifier")
        or _first(sent, _USERS)
        or _header(headers, "user_id")
    )
    fields["conversation_id"] = fields["conversation_id"] or _conversation(body, answer)
    fields["previous_response_id"] = text(
        body.get("previous_response_id") or answer.get("previous_response_id")
    )
    user = fields["user_id"] if isinstance(fields["user_id"], str) else None
    fields |= thread_of(user, dialogue, reply, context.keyed_hash)
    fields["input_text"] = dialogue.last_message
    fields["input_length"] = None if dialogue.last_message is None else len(dialogue.last_message)
    fields["output_text"] = reply.text or None if reply else None
    fields["output_length"] = len(reply.text) if reply else None
    fields["tool_call_count"] = len(reply.calls) if reply and reply.calls else None
    fields["citation_count"] = count_citations(answer)
    return {name: value for name, value in fields.items() if value is not None}


def _names(told: list[Row], headers: Row) -> Row:
    """Names and ids that the wrapper, its metadata, the request's or a header state."""
    fields = {name: text(_first_of(told, keys)) for name, keys in _NAMES.items()}
    for name in ("session_id", "conversation_id", "trace_id"):
        fields[name] = fields[name] or _header(headers, name)
    if fields["trace_id"] is None:
        parent = _TRACEPARENT.fullmatch(str(headers.get("traceparent")))
        fields["trace_id"] = parent[1] if parent else None
    fields["logged_cost_usd"] = number(_first_of(told, _COSTS))
    return fields


def _times(native: Row, answer: Row) -> Row:
    """When the call began and ended, and how long it took; a time alone is that of the end."""
    started = time_of_epoch(_first(native, _STARTS))
    ended = time_of_epoch(_first(native, _ENDS))
    latency_ms = _milliseconds(native, _LATENCY_MS, _LATENCY_S, _LATENCY)
    alone = time_of_epoch(_first(native, _MOMENTS))
    if ended is None and started is not None and isinstance(latency_ms, int | float):
        ended = later(started, latency_ms / 1000)
    said = next(
        (answer[k] for k in ("completed_at", "created_at", "created", "createTime") if k in answer),
        None,
    )
    timestamp = ended if ended is not None else alone
    if timestamp is None:
        timestamp = started if started is not None else time_of_epoch(said)
    if latency_ms is None and ended is not None:
        latency_ms = _between(started, ended)
    if started is None and answer.get("completed_at") and answer.get("created_at"):
        started = time_of_epoch(answer["created_at"])
    first_ms = _milliseconds(native, _FIRST_MS, _FIRST_S, ())
    if first_ms is None:
        first_ms = _between(started, time_of_epoch(_first(native, _FIRST_AT)))
    return {
        "timestamp": timestamp,
        "started_at": started,
        "latency_ms": latency_ms,
        "time_to_first_token_ms": first_ms,
    }


def _models(native: Row, body: Row, answer: Row, asked: Side) -> Row:
    """Which model was asked for, which answered, where, by which kind of call."""
    url = text(_first(native, ("url", "endpoint", "request_url", "path", "target_url")))
    address = asked.url or (url if isinstance(url, str) else None) or ""
    in_path = _URL_MODEL.search(address)
    settings = _object_or_none(body.get("generationConfig")) or {}
    inference = _object_or_none(body.get("inferenceConfig")) or {}
    form = _object_or_none(body.get("response_format")) or {}
    shape = _object_or_none((_object_or_none(body.get("text")) or {}).get("format")) or {}
    prompt = _object_or_none(body.get("prompt")) or {}
    fields = {
        "request_model": text(
            body.get("model")
            or body.get("modelId")
            or _first(native, ("model", "request_model", "modelId"))
            or (in_path[1] if in_path else None)
        ),
        "response_model": text(
            answer.get("model") or answer.get("modelVersion") or native.get("response_model")
        ),
        "url_host": _host(address),
        "url_path": urlsplit(address).path or None,
        "object": text(answer.get("object")),
        "type": text(answer.get("type")),
        "temperature": next(
            (
                number(held["temperature"])
                for held in (body, settings, inference)
                if held.get("temperature") is not None
            ),
            None,
        ),
        "response_format": text(form.get("type") or shape.get("type")),
    }
    if prompt.get("id"):
        fields |= {"prompt_name": prompt["id"], "prompt_version": text(prompt.get("version"))}
    return fields


def _outcome(native: Row, answer: Row, answered: Side) -> Row:
    """How the call ended: what HTTP, the API and the log say."""
    said = _first(native, _STATUS)
    code = answered.status if answered.status is not None else _whole(said)
    error = native.get("error") or answer.get("error")
    fields: Row = {
        "http_status_code": code,
        "status": said.lower() if isinstance(said, str) and _whole(said) is None else None,
        "response_status": text(answer.get("status")),
        "finish_reason": _finish_reason(answer),
    }
    if isinstance(error, dict):
        # An error's message may quote the user.
        fields["error_type"] = text(error.get("type") or error.get("code") or error.get("status"))
        fields["error_type"] = fields["error_type"] or "error"
    elif error:
        fields["error_type"] = text(native.get("error_type")) or "error"
    else:
        fields["error_type"] = text(native.get("error_type"))
    return fields


def _finish_reason(answer: Row) -> Any:
    """Why generation stopped, in the API's own words."""
    choices = answer.get("choices") or answer.get("candidates")
    first = choices[0] if isinstance(choices, list) and choices else {}
    details = _object_or_none(answer.get("incomplete_details")) or {}
    held = first if isinstance(first, dict) else {}
    found = (
        held.get("finish_reason")
        or held.get("finishReason")
        or answer.get("stop_reason")
        or answer.get("stopReason")
        or answer.get("finish_reason")
        or details.get("reason")
    )
    return text(found)


def _usage(answer: Row) -> Row:
    """The counts of tokens as they were sent. Raises Malformed if a usage is no object."""
    fields: Row = {}
    for key, paths in (("usage", USAGE), ("usageMetadata", USAGE_METADATA), ("meta", USAGE)):
        usage = answer.get(key)
        if usage is None:
            continue
        if not isinstance(usage, dict):
            raise Malformed(Reason.WRONG_TYPE, key)
        for path, name in paths.items():
            value: Any = usage
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                fields[name] = value
    return fields


def _conversation(body: Row, answer: Row) -> str | None:
    """The conversation of OpenAI's responses API."""
    for held in (body.get("conversation"), answer.get("conversation")):
        found = held.get("id") if isinstance(held, dict) else held
        if isinstance(found, str) and found:
            return found
    return None


class Side:
    """A request or a response: its body, and what HTTP wraps around it."""

    def __init__(self, given: Any) -> None:
        self.body = _body(given)
        held = given if isinstance(given, dict) and self.body is not given else {}
        self.headers = _lower(held.get("headers"))
        self.url = text(held.get("url")) if isinstance(held.get("url"), str) else None
        self.status = _whole(_first(held, ("status_code", "statusCode", "status")))


def _object(name: str, given: Any) -> Side:
    """One side of a call. Raises Malformed if it is neither an object nor text."""
    side = Side(given)
    if side.body is not None and not isinstance(side.body, dict | str):
        raise Malformed(Reason.WRONG_TYPE, name)
    if isinstance(side.body, dict):
        for key in ("messages", "contents", "choices", "candidates"):
            if not isinstance(side.body.get(key), list | None):
                raise Malformed(Reason.WRONG_TYPE, f"{name}.{key}")
    return side


def _body(given: Any) -> Any:
    """The body within what HTTP wraps around it, read from JSON or put together from chunks."""
    value = _parsed(given)
    if isinstance(value, dict) and "body" in value:
        value = _parsed(value["body"])
    return assembled(value)


def _parsed(value: Any) -> Any:
    """A value, or what a string that holds a JSON object or array says."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _is_request(body: Any) -> bool:
    """Is it the body of a request to a model?"""
    if not isinstance(body, dict):
        return False
    if isinstance(body.get("messages"), list) or isinstance(body.get("contents"), list):
        return True
    return isinstance(body.get("model"), str) and ("input" in body or "prompt" in body)


def _is_response(body: Any) -> bool:
    """Is it the body of a response of a model?"""
    if not isinstance(body, Mapping):
        return False
    if body.get("object") in ("chat.completion", "text_completion", "response"):
        return True
    if body.get("type") == "message" and body.get("role") == "assistant":
        return True
    usage = body.get("usage")
    if isinstance(body.get("usageMetadata"), dict):
        return "candidates" in body or "modelVersion" in body
    return isinstance(usage, dict) and (
        any(key in usage for key in ("prompt_tokens", "inputTokens", "billed_units"))
        or {"input_tokens", "output_tokens"} <= usage.keys()
    )


def _milliseconds(
    native: Row, in_ms: Iterable[str], in_s: Iterable[str], in_either: Iterable[str]
) -> Any:
    """A duration in milliseconds, by the unit that its name tells.

    Where the name tells none: a fraction below ten minutes is seconds, all else milliseconds.
    """
    found = number(_first(native, in_ms))
    if found is not None:
        return round(found) if isinstance(found, float) else found
    found = number(_first(native, in_s))
    if found is None:
        found = number(_first(native, in_either))
        is_seconds = isinstance(found, float) and found < _LONGEST_SECONDS
        if found is None or not is_seconds:
            return round(found) if isinstance(found, float) else found
    if isinstance(found, bool) or not isinstance(found, int | float):
        return found
    return round(found * 1000)


def _between(started: Any, ended: Any) -> int | None:
    """Whole milliseconds from one time to another; None if either is not known."""
    begun, done = moment(started), moment(ended)
    if begun is None or done is None:
        return None
    return round((done - begun).total_seconds() * 1000)


def _host(address: str) -> str | None:
    """The host of an address, in lower case; None if it has none."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _whole(value: Any) -> int | None:
    """A code of HTTP, as a number or its digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{3}", value) else None


def _first(held: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The first of these that is there and not empty."""
    return next((held[key] for key in keys if held.get(key) not in (None, "")), None)


def _first_of(held: Iterable[Row], keys: Iterable[str]) -> Any:
    """The first of these names that the first object with one of them has."""
    names = tuple(keys)
    return next((found for one in held if (found := _first(one, names)) is not None), None)


def _header(headers: Row, name: str) -> Any:
    return text(_first(headers, _HEADERS[name]))


def _lower(headers: Any) -> Row:
    """Headers by their names in lower case."""
    parsed = _parsed(headers)
    if not isinstance(parsed, dict):
        return {}
    return {str(name).lower(): value for name, value in parsed.items()}


def _object_or_none(value: Any) -> Row | None:
    parsed = _parsed(value)
    return parsed if isinstance(parsed, dict) else None
