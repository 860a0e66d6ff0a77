"""PostHog: events of batch exports, of the events API, and traces as LLM analytics shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.messages import (
    answer_text,
    count_tool_calls,
    finish_reason,
    user_text,
)
from llm_analytics.sources.product_analytics import (
    event_fields,
    exact_number,
    integer_or_same,
    name_at,
    object_at,
    scalar_text,
    trait_records,
)
from llm_analytics.sources.values import later, moment

_CALLS = frozenset({"$ai_generation", "$ai_embedding"})
_LINKS = {
    "$identify": "$anon_distinct_id",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
}
# Properties that land under their own names without the dollar.
_SHARED = ("$ai_trace_id", "$ai_session_id", "$ai_span_id", "$ai_parent_id", "$ai_span_name")
_CALL = (
    *_SHARED,
    "$ai_model",
    "$ai_provider",
    "$ai_framework",
    "$ai_lib",
    "$lib",
    "$ai_input_tokens",
    "$ai_output_tokens",
    "$ai_cache_read_input_tokens",
    "$ai_cache_creation_input_tokens",
    "$ai_reasoning_tokens",
    "$ai_cache_reporting_exclusive",
    "$ai_latency",
    "$ai_time_to_first_token",
    "$ai_http_status",
    "$ai_is_error",
    "$ai_error_type",
    "$ai_stop_reason",
    "$ai_temperature",
    "$ai_total_cost_usd",
    "$ai_web_search_cost_usd",
    "$ai_prompt_name",
    "$ai_prompt_version",
    "conversation_id",
    "response_id",
    "feature",
)
_EVALUATION = (
    "$ai_trace_id",
    "$ai_session_id",
    "$ai_evaluation_id",
    "$ai_evaluation_name",
    "$ai_evaluation_result",
    "$ai_evaluation_numeric_result",
    "$ai_evaluation_numeric_result_min",
    "$ai_evaluation_numeric_result_max",
    "$ai_evaluation_applicable",
    "$ai_evaluation_runtime",
    "$ai_evaluation_model",
    "$ai_model",
    "$ai_target_event_id",
)
_ABOUT = ("$ai_trace_id", "$ai_session_id", "conversation_id", "response_id")


class PosthogUnpacker:
    """Events by name: LLM analytics, surveys, identity, the plan's events, every other one."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """An event with its id, a trace with its events, or a page of either."""
        if isinstance(native.get("results"), list):
            first = next(iter(native["results"]), None)
            return isinstance(first, dict) and self.recognises(first)
        if isinstance(native.get("events"), list):
            return {"id", "createdAt"} <= native.keys() or "traceName" in native
        return (
            {"event", "properties"} <= native.keys()
            and not {"uuid", "id"}.isdisjoint(native)
            and not {"timestamp", "createdAt"}.isdisjoint(native)
        )

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The records of an event, of a trace and its events, or of a page. Raises Malformed."""
        if "event" not in native and "results" in native:
            for part in _parts(native, "results"):
                yield from self._unpack_part(part, context)
        elif "event" not in native and "events" in native:
            events = _parts(native, "events")
            yield _trace_of_document(native)
            for event in events:
                yield from self._unpack_part(_with_person(event, native.get("person")), context)
        else:
            yield from _unpack_event(native, context)

    def _unpack_part(self, part: Any, context: Context) -> Iterator[Record | Malformed]:
        """The records of one element of a list; what is wrong with it is said of it alone."""
        try:
            if not isinstance(part, dict):
                raise Malformed(Reason.WRONG_STRUCTURE)
            yield from self.unpack(part, context)
        except Malformed as error:
            yield Malformed(error.reason, error.detail, part)


def _parts(native: Mapping[str, Any], key: str) -> list[Any]:
    """The elements of a list. Raises Malformed if it is none."""
    parts = native[key]
    if not isinstance(parts, list):
        raise Malformed(Reason.WRONG_STRUCTURE, key)
    return parts


def _with_person(event: Any, person: Any) -> Any:
    """An event of a trace, whose person the trace names."""
    if not isinstance(event, dict) or not isinstance(person, dict) or event.get("distinct_id"):
        return event
    return {**event, "distinct_id": person.get("distinct_id")}


def _unpack_event(native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
    """The records of one event. Raises Malformed."""
    name = name_at(native, "event")
    properties = object_at(native, "properties")
    envelope = _envelope(native, properties)
    if name in _CALLS:
        yield Record("ai_calls", {**envelope, "ai_event": name, **_call(properties, envelope)})
    elif name == "$ai_trace":
        yield Record("ai_traces", {**envelope, **_trace(properties, envelope)})
    elif name == "$ai_span":
        yield Record("ai_spans", {**envelope, **_plain(properties, (*_SHARED, "$ai_latency"))})
    elif name == "$ai_evaluation":
        yield Record("ai_evaluations", {**envelope, **_evaluation(properties)})
    elif name == "$ai_feedback":
        text = {"ai_feedback_text": properties.get("$ai_feedback_text")}
        yield Record("ai_feedback", {**envelope, **_plain(properties, _ABOUT), **text})
    elif name == "$ai_metric":
        metric = _plain(properties, (*_ABOUT, "$ai_metric_name"))
        yield Record("ai_metrics", {**envelope, **metric, **_metric_value(properties)})
    elif name == "survey sent":
        yield from _survey_answers(properties, envelope)
    elif name in _LINKS:
        yield from _identities(name, native, properties, envelope)
    elif name == "$feature_flag_called":
        variant = scalar_text(properties.get("$feature_flag_response"))
        flag = {"experiment_id": properties.get("$feature_flag"), "variant": variant}
        yield Record("exposures", {**envelope, **flag})
    elif name != "$set":
        stream, fields = event_fields(name, properties)
        yield Record(stream, {**envelope, **_plain(properties, _ABOUT[:2]), **fields})
    who = {key: envelope[key] for key in ("timestamp", "distinct_id", "device_id", "is_identified")}
    yield from trait_records(object_at(properties, "$set"), envelope["event_id"], who)


def _envelope(native: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """What every record of an event has."""
    distinct_id = native.get("distinct_id") or properties.get("distinct_id") or None
    if distinct_id == properties.get("$ai_trace_id"):
        # A server library that knows no user sends the trace's id in its place.
        distinct_id = None
    return {
        "timestamp": native.get("timestamp") or native.get("createdAt"),
        "event_id": native.get("uuid") or native.get("id"),
        "distinct_id": distinct_id,
        **_plain(properties, ("$device_id", "$is_identified", "$group_0", "$lib")),
        "posthog_session_id": properties.get("$session_id"),
        "posthog_app_version": scalar_text(properties.get("$app_version")),
    }


def _plain(properties: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Properties as they are, their names without the dollar."""
    return {key.removeprefix("$"): properties.get(key) for key in keys}


def _call(properties: dict[str, Any], envelope: Mapping[str, Any]) -> dict[str, Any]:
    """A call of a model: what it used, how it ended, and the texts of its user and its answer."""
    output = properties.get("$ai_output_choices") or properties.get("$ai_output")
    plain = _plain(properties, _CALL)
    plain["ai_prompt_version"] = scalar_text(plain["ai_prompt_version"])
    plain["ai_http_status"] = integer_or_same(plain["ai_http_status"])
    return {
        **plain,
        "started_at": _start(envelope, properties),
        "choice_finish_reason": finish_reason(output),
        "tool_call_count": count_tool_calls(output) if output else None,
        **_text_and_length("input", user_text(properties.get("$ai_input"))),
        **_text_and_length("output", answer_text(output)),
    }


def _trace(properties: dict[str, Any], envelope: Mapping[str, Any]) -> dict[str, Any]:
    """A trace, sent when it ends; its input may hold what the user wrote."""
    return {
        **_plain(properties, (*_SHARED, "$ai_latency", "conversation_id", "feature")),
        "started_at": _start(envelope, properties),
        **_text_and_length("input", user_text(properties.get("$ai_input_state"))),
    }


def _start(envelope: Mapping[str, Any], properties: Mapping[str, Any]) -> Any:
    """When it began: events are sent at the end, with the seconds that it took."""
    latency = exact_number(properties.get("$ai_latency"))
    return None if latency is None else later(envelope["timestamp"], -latency)


def _text_and_length(name: str, text: str | None) -> dict[str, Any]:
    """A text, and its length in characters, which is known when the text has been dropped."""
    return {f"{name}_text": text, f"{name}_length": None if text is None else len(text)}


def _trace_of_document(native: dict[str, Any]) -> Record:
    """The trace that a trace document is about; it is dated by its first event."""
    person = native.get("person")
    return Record(
        "ai_traces",
        {
            "timestamp": native.get("createdAt"),
            "event_id": native.get("id"),
            "distinct_id": person.get("distinct_id") if isinstance(person, dict) else None,
            "ai_trace_id": native.get("id"),
            "ai_session_id": native.get("aiSessionId"),
            "ai_span_name": native.get("traceName"),
            "ai_latency": native.get("totalLatency"),
            "started_at": native.get("createdAt"),
            **_text_and_length("input", user_text(native.get("inputState"))),
        },
    )


def _evaluation(properties: dict[str, Any]) -> dict[str, Any]:
    """A score of a call by a judge or by code."""
    categories = properties.get("$ai_evaluation_categorical_result")
    first = next(iter(categories), None) if isinstance(categories, list) else categories
    return {**_plain(properties, _EVALUATION), "ai_evaluation_category": first}


def _metric_value(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The value of a metric: a text, which may be that of a number."""
    value = scalar_text(properties.get("$ai_metric_value"))
    number = exact_number(value)
    return {
        "ai_metric_value": value,
        "ai_metric_number": None if number is None else integer_or_same(float(number)),
    }


def _identities(
    name: str,
    native: Mapping[str, Any],
    properties: Mapping[str, Any],
    envelope: Mapping[str, Any],
) -> Iterator[Record]:
    """An event that links an id to that of its user; identifying again links nothing."""
    alias_id = properties.get(_LINKS[name])
    if alias_id is None and name == "$identify":
        return
    yield Record(
        "identities",
        {
            "timestamp": envelope["timestamp"],
            "event_id": envelope["event_id"],
            "user_id": native.get("distinct_id") or properties.get("distinct_id"),
            "alias_id": alias_id,
            "link": name,
        },
    )


def _survey_answers(properties: dict[str, Any], envelope: Mapping[str, Any]) -> Iterator[Record]:
    """A record per answered question of a survey.

    Answers that are sent again as the user goes on share the submission's id: the last one stands.
    """
    submission = properties.get("$survey_submission_id")
    sent_at = moment(envelope["timestamp"])
    version = int(sent_at.timestamp() * 1000) if submission and sent_at else None
    for question, answer in _answers(properties):
        number = exact_number(answer)
        text = None if number is not None else _answer_text(answer)
        if number is None and not text:
            continue
        yield Record(
            "survey_answers",
            {
                **envelope,
                "event_id": f"{submission or envelope['event_id']}:{question}",
                "event_version": version,
                **_plain(properties, (*_ABOUT, "$survey_id", "$survey_name")),
                "survey_iteration": integer_or_same(properties.get("$survey_iteration")),
                "survey_question": question,
                "survey_answer": integer_or_same(answer) if number is not None else None,
                "survey_answer_text": text,
            },
        )


def _answers(properties: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The questions of a survey with their answers; newer clients send each in two ways."""
    prefix = "$survey_response_"
    by_id = {
        key.removeprefix(prefix): value
        for key, value in properties.items()
        if key.startswith(prefix) and value is not None
    }
    questions = properties.get("$survey_questions")
    if isinstance(questions, list):
        asked = [item for item in questions if isinstance(item, dict) and item.get("id")]
        answered = [
            (str(item["id"]), by_id.get(str(item["id"]), item.get("response"))) for item in asked
        ]
        if any(answer is not None for _, answer in answered):
            return [(question, answer) for question, answer in answered if answer is not None]
    named = [(key, value) for key, value in by_id.items() if not key.isdigit()]
    if named:
        return named
    first = properties.get("$survey_response")
    numbered = sorted(by_id.items(), key=lambda item: int(item[0]))
    return [("0", first), *numbered] if first is not None else numbered


def _answer_text(answer: Any) -> str | None:
    if isinstance(answer, list):
        return ", ".join(str(item) for item in answer) or None
    return scalar_text(answer)


UNPACKER = PosthogUnpacker()
