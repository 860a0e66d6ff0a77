"""Langfuse: traces, observations and scores, of its blob storage exports, its API and its screens.

Old exports spell names in camelCase, new ones in snake_case: both land as snake_case. What lands of
the maps of usage and cost, and of metadata, is listed below; docs/sources/langfuse.md has the
references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources import messages
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.values import later, number, snake_case, text, time_of_text

Row = dict[str, Any]

#: Keys of usage_details that land by name; others that begin with input or output land as sums.
USAGE = (
    "input", "output", "total", "input_tokens", "output_tokens", "prompt_tokens",
    "completion_tokens", "total_tokens",
    # Read from and written to the cache, as Langfuse, LangChain, Anthropic and OpenInference say.
    "input_cached_tokens", "input_cache_read", "input_cache_read_input_tokens",
    "cache_read_input_tokens", "prompt_details.cache_read",
    "input_cache_creation", "input_cache_creation_5m", "input_cache_creation_1h",
    "input_cache_write", "cache_creation_input_tokens", "prompt_details.cache_write",
    "output_reasoning_tokens", "output_reasoning", "reasoning_tokens",
    "completion_details.reasoning",
)  # fmt: skip
#: What OpenTelemetry and LangChain told Langfuse of a call, kept by it as metadata.
METADATA = (
    "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ls_provider",
    "gen_ai.response.finish_reasons",
)  # fmt: skip
_TYPES = {
    "SPAN", "GENERATION", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING",
    "GUARDRAIL",
}  # fmt: skip
_OF_OBSERVATIONS = {
    "usage_details", "provided_model_name", "completion_start_time", "parent_observation_id",
    "model_parameters", "prompt_name",
}  # fmt: skip
_OF_TRACES = {"session_id", "user_id", "bookmarked", "release", "html_path", "public"}
_OF_SCORES = {"data_type", "observation_id", "string_value", "config_id", "author_user_id"}
_SOURCES = {"API", "ANNOTATION", "EVAL"}


class LangfuseUnpacker:
    """Turns rows, lists of the API and whole traces into traces, observations and scores."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """Whether this is a row, or holds rows, that only Langfuse writes."""
        if isinstance(native.get("trace"), dict) and "observations" in native:
            return _kind(_snake(native["trace"])) == "traces"
        listed = native.get("data")
        if isinstance(listed, list) and listed and "meta" in native:
            native = listed[0] if isinstance(listed[0], dict) else {}
        return _kind(_snake(native)) is not None

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The rows of one object, each with those that are nested in it."""
        if isinstance(native.get("data"), list):
            for item in native["data"]:
                yield from _part(item)
        elif "trace" in native and "observations" in native:
            if not isinstance(native["trace"], dict):
                raise Malformed(Reason.WRONG_TYPE, "trace")
            # The trace holds its observations once more, with less.
            yield from _part({**native["trace"], "observations": native["observations"]})
        else:
            yield from _row(native)


UNPACKER = LangfuseUnpacker()


def _part(item: Any) -> Iterator[Record | Malformed]:
    """A row that is a part of an object: what is wrong with it does not touch the others."""
    try:
        if not isinstance(item, dict):
            raise Malformed(Reason.NOT_OBJECT)
        yield from _row(item)
    except Malformed as wrong:
        yield Malformed(wrong.reason, wrong.detail, item)


def _row(native: Row) -> Iterator[Record | Malformed]:
    """The record of a row, and those of the rows nested in it. Raises Malformed."""
    row = _snake(native)
    kind = _kind(row)
    if kind is None:
        raise Malformed(Reason.WRONG_STRUCTURE, "no trace, observation or score")
    if not row.get("id"):
        raise Malformed(Reason.MISSING_FIELD, "id")
    yield Record(kind, _FIELDS[kind](row))
    for key in ("observations", "scores") if kind == "traces" else ():
        nested = messages.parsed(row.get(key))
        if nested is not None and not isinstance(nested, list):
            yield Malformed(Reason.WRONG_TYPE, key, nested)
            continue
        for item in nested or []:
            # Lists of the API name the nested by id only.
            if not isinstance(item, str):
                yield from _part(item)


def _snake(native: Mapping[str, Any]) -> Row:
    """A row with names in snake_case; where both spellings occur, the first counts."""
    row: Row = {}
    for key, value in native.items():
        row.setdefault(snake_case(key), value)
    return row


def _kind(row: Row) -> str | None:
    """Which kind of row this is; None if it is none of Langfuse's."""
    if "start_time" in row and row.get("type") in _TYPES and row.keys() & _OF_OBSERVATIONS:
        return "observations"
    if row.get("source") in _SOURCES and "name" in row and row.keys() & _OF_SCORES:
        return "scores"
    if "timestamp" in row and "name" in row and len(row.keys() & _OF_TRACES) > 1:
        return "traces"
    return None


def _shared(row: Row) -> Row:
    """What every row has."""
    return {
        "event_id": text(row.get("id")),
        "updated_at": time_of_text(row.get("updated_at")),
        "project_id": text(row.get("project_id")),
        "environment": text(row.get("environment")),
    }


def _trace(row: Row) -> Row:
    asked = messages.user_text(row.get("input"))
    return _shared(row) | {
        "timestamp": time_of_text(row.get("timestamp")),
        "name": text(row.get("name")),
        "user_id": text(row.get("user_id")),
        "session_id": text(row.get("session_id")),
        "release": text(row.get("release")),
        "version": text(row.get("version")),
        "input_text": asked,
        "input_length": len(asked) if asked else None,
    }


def _observation(row: Row) -> Row:
    started = time_of_text(row.get("start_time"))
    ended = time_of_text(row.get("end_time"))
    asked = messages.user_text(row.get("input"))
    answered = messages.answer_text(row.get("output"))
    called = messages.parsed(row.get("tool_call_names") or row.get("tool_calls"))
    parameters = _mapping(row.get("model_parameters"))
    return _shared(row) | {
        # One that has not ended is dated by its latency, else by its start.
        "timestamp": ended or later(started, row.get("latency")) or started,
        "started_at": started,
        "ended_at": ended,
        "completion_started_at": time_of_text(row.get("completion_start_time")),
        "trace_id": text(row.get("trace_id")),
        "parent_observation_id": text(row.get("parent_observation_id")),
        "type": text(row.get("type")),
        "name": text(row.get("name")),
        "level": text(row.get("level")),
        "version": text(row.get("version")),
        "user_id": text(row.get("user_id")),
        "session_id": text(row.get("session_id")),
        "trace_name": text(row.get("trace_name")),
        "release": text(row.get("release")),
        "provided_model_name": text(row.get("provided_model_name") or row.get("model")),
        "temperature": number(parameters.get("temperature")),
        "latency": number(row.get("latency")),
        "time_to_first_token": number(row.get("time_to_first_token")),
        "prompt_name": text(row.get("prompt_name")),
        "prompt_version": text(row.get("prompt_version")),
        "total_cost": number(row.get("total_cost", row.get("calculated_total_cost"))),
        "cost_details_total": number(_mapping(row.get("cost_details")).get("total")),
        **_usage(row),
        **_metadata(row),
        "tool_call_count": _count(called)
        or (messages.count_tool_calls(row.get("output")) if row.get("output") else None),
        "output_finish_reason": messages.finish_reason(row.get("output")),
        "input_text": asked,
        "input_length": len(asked) if asked else None,
        "output_text": answered,
        "output_length": len(answered) if answered else None,
    }


def _score(row: Row) -> Row:
    is_free_text = row.get("data_type") == "TEXT"
    said = text(row.get("string_value"))
    return _shared(row) | {
        "timestamp": time_of_text(row.get("timestamp")),
        "trace_id": text(row.get("trace_id")),
        "observation_id": text(row.get("observation_id")),
        "session_id": text(row.get("session_id")),
        "name": text(row.get("name")),
        "value": None if is_free_text else number(row.get("value")),
        "string_value": None if is_free_text else said,
        "source": text(row.get("source")),
        "data_type": text(row.get("data_type")),
        "config_id": text(row.get("config_id")),
        "author_user_id": text(row.get("author_user_id")),
        "comment_text": text(row.get("long_string_value"))
        or (said if is_free_text else None)
        or text(row.get("comment")),
    }


_FIELDS: dict[str, Callable[[Row], Row]] = {
    "traces": _trace,
    "observations": _observation,
    "scores": _score,
}


def _usage(row: Row) -> Row:
    """Tokens by kind: the map of usage, and the sums that older exports have beside or instead."""
    usage = _mapping(row.get("usage_details"))
    found = {
        f"usage_details_{snake_case(key)}": number(usage[key]) for key in USAGE if key in usage
    }
    for side in ("input", "output"):
        rest = [number(usage[key]) for key in usage if key not in USAGE and key.startswith(side)]
        if rest and all(isinstance(value, int | float) for value in rest):
            found[f"usage_details_other_{side}"] = sum(rest)
    for side in ("input", "output", "total"):
        sums = _mapping(row.get("usage"))
        found[f"{side}_usage"] = number(row.get(f"{side}_usage", sums.get(side)))
    return found


def _metadata(row: Row) -> Row:
    """Who made the call, and with which library."""
    metadata = _mapping(row.get("metadata"))
    attributes = _mapping(metadata.get("attributes"))
    found: Row = {}
    for key in METADATA:
        value = messages.parsed(metadata.get(key, attributes.get(key)))
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str):
            found["metadata_" + snake_case(key)] = text(value)
    scope = _mapping(metadata.get("scope")).get("name")
    return found | {"metadata_scope_name": text(scope) if isinstance(scope, str) else None}


def _mapping(value: Any) -> dict[str, Any]:
    """A map, also where CSV and old exports hold it as JSON in a string; else an empty one."""
    found = messages.parsed(value)
    return found if isinstance(found, dict) else {}


def _count(names: Any) -> int | None:
    """How many there are in a list; None if there are none."""
    return len(names) or None if isinstance(names, list) else None
