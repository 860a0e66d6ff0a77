"""OTLP/JSON as the OpenTelemetry Collector's file exporter writes it: spans and log records.

Understood are the GenAI semantic conventions in three generations of names, OpenInference
(Phoenix), and what OpenLLMetry, OpenLIT and the Vercel AI SDK write; docs/sources/otlp.md has the
references. Attributes keep their names, as snake_case without dots: which of two names counts is
decided in SQL. Also read are spans that a data set has flattened to one object a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources import messages
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.values import (
    number,
    snake_case,
    text,
    time_of_nanoseconds,
    time_of_text,
    whole_number,
)

Attributes = dict[str, Any]

#: Attributes that land, by the form their values have.
RESOURCE = ("service.name", "service.version", "deployment.environment.name",
            "deployment.environment")  # fmt: skip
NAMES = (
    # Who and where.
    "user.id", "enduser.id", "session.id", "gen_ai.conversation.id", "gen_ai.request.user",
    "ai.telemetry.metadata.userId", "ai.telemetry.metadata.sessionId",
    "langfuse.user.id", "langfuse.session.id",
    "traceloop.association.properties.user_id", "traceloop.association.properties.session_id",
    "gen_ai.environment",
    # What was called.
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model",
    "gen_ai.response.model", "gen_ai.response.id", "gen_ai.output.type", "gen_ai.agent.name",
    "openinference.span.kind", "llm.provider", "llm.system", "llm.model_name",
    "llm.request.model_name", "llm.response.model_name", "embedding.model_name",
    "reranker.model_name", "llm.request.type", "traceloop.workflow.name",
    "ai.operationId", "ai.model.id", "ai.model.provider", "ai.response.model", "ai.response.id",
    "ai.telemetry.functionId",
    # How it went.
    "gen_ai.completion.0.finish_reason", "ai.response.finishReason", "error.type",
    # Which prompt.
    "gen_ai.prompt.name", "langfuse.prompt.name", "langfuse.prompt.version",
    "llm.prompt_template.version",
)  # fmt: skip
NUMBERS = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.completion_tokens", "gen_ai.usage.total_tokens",
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.reasoning_tokens", "gen_ai.usage.cost",
    "llm.usage.total_tokens", "llm.usage.reasoning_tokens",
    "llm.token_count.prompt", "llm.token_count.completion", "llm.token_count.total",
    "llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_write",
    "llm.token_count.completion_details.reasoning", "llm.cost.total",
    "ai.usage.promptTokens", "ai.usage.completionTokens", "ai.usage.inputTokens",
    "ai.usage.outputTokens", "ai.usage.totalTokens", "ai.usage.tokens",
    "ai.usage.cachedInputTokens",
    "ai.usage.reasoningTokens", "ai.usage.inputTokenDetails.noCacheTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.inputTokenDetails.cacheWriteTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
    "gen_ai.request.temperature", "ai.settings.temperature",
    "gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token",
    "ai.response.msToFirstChunk",
)  # fmt: skip
#: What an evaluation needs of the span or the event that carries it.
_OF_EVALUATIONS = ("user.id", "enduser.id", "session.id", "gen_ai.conversation.id")
_EVALUATION = "gen_ai.evaluation.result"
_DETAILS = "gen_ai.client.inference.operation.details"
_FLAT = {"span_id", "operation_name", "span_kind"}
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_ANNOTATION = re.compile(
    r"(?:(trace|session)\.)?(annotation|evaluation)s\.(\d+)\.\2\."
    r"(name|label|score|explanation|annotator_kind|identifier)"
)
_PROMPT = re.compile(r"gen_ai\.prompt\.(\d+)\.(role|content)")
_COMPLETION = re.compile(r"gen_ai\.completion\.(\d+)\.(role|content|tool_calls\.\d+\.name)")
_MESSAGE = re.compile(
    r"llm\.(input|output)_messages\.(\d+)\.message\.(role|content"
    r"|contents\.\d+\.message_content\.text|tool_calls\.\d+\.tool_call\.function\.name)"
)


class OtlpUnpacker:
    """Turns export requests, or flattened spans, into spans, annotations and logs."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """Whether this is an export request or a flattened span."""
        is_request = any(key in native for key in ("resourceSpans", "resourceLogs"))
        return is_request or native.keys() >= _FLAT

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The spans, annotations and evaluations of one object. Metrics hold none of them."""
        if native.keys() >= _FLAT:
            yield Record("spans", _flattened(native))
            return
        if not any(key in native for key in ("resourceSpans", "resourceLogs", "resourceMetrics")):
            raise Malformed(Reason.MISSING_FIELD, "resourceSpans")
        for key, scoped, items, unpack in (
            ("resourceSpans", "scopeSpans", "spans", _span_records),
            ("resourceLogs", "scopeLogs", "logRecords", _log_records),
        ):
            for resource in _objects(native, key):
                shared = _landing(_attributes(_object(resource, "resource")), RESOURCE)
                for scope in _objects(resource, scoped):
                    named = shared | _scope(_object(scope, "scope"))
                    for item in _list(scope, items):
                        try:
                            yield from unpack(item, named)
                        except Malformed as wrong:
                            yield Malformed(wrong.reason, wrong.detail, item)


UNPACKER = OtlpUnpacker()


# ---- structure


def _list(parent: dict[str, Any], key: str) -> list[Any]:
    """A repeated field: absent and null are empty. Raises Malformed if it is no list."""
    found = parent.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Malformed(Reason.WRONG_TYPE, key)
    return found


def _objects(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A repeated field of objects. Raises Malformed."""
    found = _list(parent, key)
    if not all(isinstance(item, dict) for item in found):
        raise Malformed(Reason.WRONG_TYPE, key)
    return found


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """A field that is an object: absent and null are empty. Raises Malformed."""
    found = parent.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Malformed(Reason.WRONG_TYPE, key)
    return found


def _attributes(owner: dict[str, Any]) -> Attributes:
    """Attributes by key; where one occurs twice the first counts. Raises Malformed."""
    found: Attributes = {}
    for item in _objects(owner, "attributes"):
        if not isinstance(item.get("key"), str):
            raise Malformed(Reason.WRONG_STRUCTURE, "attributes")
        found.setdefault(item["key"], _value(item.get("value")))
    return found


def _value(value: Any) -> Any:
    """An AnyValue as a plain one."""
    if not isinstance(value, dict) or not value:
        return None
    (kind, held), *_ = value.items()
    if kind == "intValue":
        return whole_number(held)
    if kind == "doubleValue":
        return number(held)
    if kind == "arrayValue" and isinstance(held, dict):
        return [_value(item) for item in held.get("values") or []]
    if kind == "kvlistValue" and isinstance(held, dict):
        pairs = [item for item in held.get("values") or [] if isinstance(item, dict)]
        return {item["key"]: _value(item.get("value")) for item in pairs if "key" in item}
    return held


def _identifier(owner: dict[str, Any], key: str, digits: int, is_required: bool) -> str | None:
    """An id in hex, lower case. Raises Malformed if it is not, or is all zeros."""
    found = owner.get(key)
    if found in (None, ""):
        if is_required:
            raise Malformed(Reason.MISSING_FIELD, key)
        return None
    if not isinstance(found, str) or not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", found):
        raise Malformed(Reason.WRONG_TYPE, key)
    if not found.strip("0"):
        if is_required:
            raise Malformed(Reason.OUT_OF_RANGE, key)
        return None
    return found.lower()


def _enumerated(value: Any, names: tuple[str, ...], prefix: str) -> Any:
    """An enumeration's name in lower case, of its number or its name in protobuf."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value].lower()
    if isinstance(value, str):
        return value.removeprefix(prefix).lower()
    return value


def _first(value: Any) -> Any:
    """The first of several texts, one for each choice that the model gave; or the only one."""
    if isinstance(value, list):
        value = value[0] if value else None
    return text(value)


def _scope(scope: dict[str, Any]) -> dict[str, Any]:
    """Who recorded it."""
    return {"scope_name": text(scope.get("name")), "scope_version": text(scope.get("version"))}


def _landing(attributes: Attributes, keys: tuple[str, ...]) -> dict[str, Any]:
    """Those attributes that land as texts, by the names of their fields."""
    return {snake_case(key): text(attributes[key]) for key in keys if key in attributes}


# ---- spans


def _span_records(span: Any, shared: dict[str, Any]) -> Iterator[Record]:
    """A span, and what it says of quality: annotations on it and evaluation events in it."""
    if not isinstance(span, dict):
        raise Malformed(Reason.NOT_OBJECT)
    trace_id = _identifier(span, "traceId", 32, is_required=True)
    span_id = _identifier(span, "spanId", 16, is_required=True)
    attributes = _attributes(span)
    events = [(event, _attributes(event)) for event in _objects(span, "events")]
    ended = time_of_nanoseconds(span.get("endTimeUnixNano"))
    fields = shared | {
        "event_id": f"{trace_id}:{span_id}",
        # A span that was exported unfinished is dated by its start.
        "timestamp": ended or time_of_nanoseconds(span.get("startTimeUnixNano")),
        "started_at": time_of_nanoseconds(span.get("startTimeUnixNano")),
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_span_id": _identifier(span, "parentSpanId", 16, is_required=False),
        "span_name": text(span.get("name")),
        "span_kind": _enumerated(span.get("kind"), _KINDS, "SPAN_KIND_"),
        "status_code": _enumerated(_object(span, "status").get("code"), _STATUSES, "STATUS_CODE_"),
    }
    fields |= _landing(attributes, NAMES)
    # Two spellings of one name (cache_read.input_tokens, cache_read_input_tokens) are one field.
    for key in NUMBERS:
        if key in attributes:
            fields.setdefault(snake_case(key), attributes[key])
    fields["gen_ai_response_finish_reasons"] = _first(
        messages.parsed(attributes.get("gen_ai.response.finish_reasons"))
    )
    parameters = messages.parsed(attributes.get("llm.invocation_parameters"))
    if isinstance(parameters, dict):
        fields["llm_invocation_parameters_temperature"] = parameters.get("temperature")
    fields |= _of_events(events)
    fields |= _texts(attributes, events)
    yield Record("spans", fields)
    yield from _annotations(attributes, fields)
    for event, held in events:
        if event.get("name") == _EVALUATION:
            # The scope is that of the span, not who evaluated it.
            about = shared | _of_span(fields) | {"scope_name": None}
            yield _evaluation(about, held, event.get("timeUnixNano"))


def _of_events(events: list[tuple[dict[str, Any], Attributes]]) -> dict[str, Any]:
    """The error and the first token, as events tell of them."""
    found: dict[str, Any] = {}
    for event, held in events:
        if event.get("name") == "exception":
            found["exception_type"] = text(held.get("exception.type"))
        elif event.get("name") == "First Token Stream Event":
            found["first_token_at"] = time_of_nanoseconds(event.get("timeUnixNano"))
    return found


def _of_span(fields: dict[str, Any]) -> dict[str, Any]:
    """What an evaluation takes from the span it is about."""
    keys = (*(snake_case(key) for key in _OF_EVALUATIONS), "trace_id", "span_id")
    found = {key: fields.get(key) for key in keys}
    response_id = fields.get("gen_ai_response_id") or fields.get("ai_response_id")
    # A response that has no id is named by its span.
    return found | {"gen_ai_response_id": response_id or fields["span_id"]}


def _annotations(attributes: Attributes, span: dict[str, Any]) -> Iterator[Record]:
    """OpenInference's annotations and evaluations of a span, of its trace and of its session."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for key, value in attributes.items():
        match = _ANNOTATION.fullmatch(key)
        if match:
            scope, _, index, field = match.groups()
            # Both terms for one result carry it at the same index.
            found.setdefault((scope or "span", index), {}).setdefault(field, value)
    for (scope, index), fields in found.items():
        which = text(fields.get("identifier")) or index
        carrier = span["event_id"] if scope == "span" else span["trace_id"]
        about = _of_span(span)
        if scope != "span":
            about |= {"span_id": None, "gen_ai_response_id": None}
        if scope == "session":
            about["trace_id"] = None
        yield Record(
            "annotations",
            {
                **{key: span.get(key) for key in map(snake_case, RESOURCE)},
                **about,
                "event_id": f"{scope}:{carrier}:{fields.get('name')}:{which}",
                "timestamp": span["timestamp"],
                "scope_name": span["scope_name"],
                "target": scope,
                "annotation_name": text(fields.get("name")),
                "annotation_score": number(fields.get("score")),
                "annotation_label": text(fields.get("label")),
                "annotation_explanation": text(fields.get("explanation")),
                "annotation_annotator_kind": text(fields.get("annotator_kind")),
                "annotation_identifier": text(fields.get("identifier")),
            },
        )


# ---- log records


def _log_records(log: Any, shared: dict[str, Any]) -> Iterator[Record]:
    """The result of an evaluation; other log records are none of ours."""
    if not isinstance(log, dict):
        raise Malformed(Reason.NOT_OBJECT)
    attributes = _attributes(log)
    if _EVALUATION not in (log.get("eventName"), attributes.get("event.name")):
        return
    about = {
        "trace_id": _identifier(log, "traceId", 32, is_required=False),
        "span_id": _identifier(log, "spanId", 16, is_required=False),
    }
    at = log.get("timeUnixNano")
    yield _evaluation(
        shared | about,
        attributes,
        at if time_of_nanoseconds(at) else log.get("observedTimeUnixNano"),
    )


def _evaluation(about: dict[str, Any], attributes: Attributes, at: Any) -> Record:
    """A log record of an evaluation's result: what it is about, what it says, and when (ns)."""
    sent = _landing(attributes, (*_OF_EVALUATIONS, "gen_ai.response.id", "error.type"))
    fields = about | sent
    name = attributes.get("gen_ai.evaluation.name")
    target = fields.get("span_id") or fields.get("gen_ai_response_id") or ""
    return Record(
        "logs",
        {
            **fields,
            # Log records have no id of their own.
            "event_id": f"{fields.get('trace_id') or ''}:{target}:{name}:{at}",
            "timestamp": time_of_nanoseconds(at),
            "gen_ai_evaluation_name": text(name),
            "gen_ai_evaluation_score_value": attributes.get("gen_ai.evaluation.score.value"),
            "gen_ai_evaluation_score_label": text(attributes.get("gen_ai.evaluation.score.label")),
            "gen_ai_evaluation_explanation": text(attributes.get("gen_ai.evaluation.explanation")),
        },
    )


# ---- texts


def _texts(
    attributes: Attributes, events: list[tuple[dict[str, Any], Attributes]]
) -> dict[str, Any]:
    """The user's last message and the answer, with their lengths and the tools called."""
    asked = next(filter(None, map(messages.user_text, _requests(attributes, events))), None)
    answers = [answer for answer in _responses(attributes, events) if answer]
    answered = next(filter(None, map(messages.answer_text, answers)), None)
    n_calls = max(map(messages.count_tool_calls, answers), default=0)
    return {
        "input_text": asked,
        "input_length": len(asked) if asked else None,
        "output_text": answered,
        "output_length": len(answered) if answered else None,
        "tool_call_count": n_calls if answers else None,
    }


def _requests(
    attributes: Attributes, events: list[tuple[dict[str, Any], Attributes]]
) -> Iterator[Any]:
    """What may hold the request, the newest conventions first."""
    yield attributes.get("gen_ai.input.messages")
    yield _numbered(attributes, _PROMPT)
    yield _numbered(attributes, _MESSAGE, "input")
    yield attributes.get("ai.prompt.messages")
    yield attributes.get("ai.prompt")
    for event, held in reversed(events):
        if event.get("name") in ("gen_ai.user.message", _DETAILS):
            yield held.get("gen_ai.input.messages", held.get("content"))
        elif event.get("name") == "gen_ai.content.prompt":
            yield _without_roles(held.get("gen_ai.prompt"))
    yield attributes.get("input.value")


def _responses(
    attributes: Attributes, events: list[tuple[dict[str, Any], Attributes]]
) -> Iterator[Any]:
    """What may hold the response, the newest conventions first."""
    yield attributes.get("gen_ai.output.messages")
    yield _numbered(attributes, _COMPLETION)
    yield _numbered(attributes, _MESSAGE, "output")
    called = messages.parsed(attributes.get("ai.response.toolCalls"))
    yield [{"type": "tool_call"} for _ in called] if isinstance(called, list) else None
    yield attributes.get("ai.response.text")
    yield attributes.get("ai.response.object")
    for event, held in events:
        if event.get("name") == "gen_ai.choice":
            yield held.get("message", held.get("content"))
        elif event.get("name") == _DETAILS:
            yield held.get("gen_ai.output.messages")
        elif event.get("name") == "gen_ai.content.completion":
            yield held.get("gen_ai.completion")
    yield attributes.get("output.value")


def _numbered(
    attributes: Attributes, pattern: re.Pattern[str], side: str | None = None
) -> list[dict[str, Any]]:
    """Messages that are spread over attributes with numbers, in their order."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        match = pattern.fullmatch(key)
        if not match or (side and match[1] != side):
            continue
        index, field = match.groups()[-2:]
        message = found.setdefault(int(index), {})
        if field.startswith("tool_calls"):
            message.setdefault("tool_calls", []).append({"type": "tool_call"})
        elif field.startswith("contents"):
            message.setdefault("parts", []).append({"text": value})
        else:
            parts = messages.parsed(value)
            is_parts = isinstance(parts, list) and all(isinstance(part, dict) for part in parts)
            message[field] = parts if is_parts else value
    return [found[index] for index in sorted(found)]


def _without_roles(prompt: Any) -> Any:
    """OpenLIT's prompt, one line a message, each after its role: the user's last message."""
    roles = ("user: ", "system: ", "developer: ", "assistant: ")
    is_conversation = isinstance(prompt, str) and prompt.startswith(roles)
    return prompt.rpartition("user: ")[2] if is_conversation else prompt


# ---- flattened spans


def _flattened(span: dict[str, Any]) -> dict[str, Any]:
    """A span whose attributes were flattened, named as in the Exgentic data set of agents' traces.

    It names no trace: a session is one run of an agent, so that is the trace.
    """
    trace_id = text(span.get("trace_id")) or text(span.get("session_id"))
    failed = span.get("is_error")
    return {
        "event_id": f"{trace_id}:{span['span_id']}" if trace_id else text(span["span_id"]),
        "timestamp": time_of_text(span.get("end_time_iso")),
        "started_at": time_of_text(span.get("start_time_iso")),
        "trace_id": trace_id,
        "span_id": text(span["span_id"]),
        "parent_span_id": text(span.get("parent_span_id")),
        "span_name": text(span.get("span_name")),
        "span_kind": _enumerated(span["span_kind"], _KINDS, "SPAN_KIND_"),
        "status_code": "error" if failed else _enumerated(span.get("status_code"), _STATUSES, ""),
        "scope_name": text(span.get("harness")),
        "service_name": text(span.get("benchmark")),
        "session_id": text(span.get("session_id")),
        "gen_ai_operation_name": text(span["operation_name"]),
        "gen_ai_request_model": text(span.get("request_model")),
        "gen_ai_response_model": text(span.get("response_model")),
        "gen_ai_response_id": text(span.get("response_id")),
        "gen_ai_usage_input_tokens": span.get("input_tokens"),
        "gen_ai_usage_output_tokens": span.get("output_tokens"),
        "gen_ai_response_finish_reasons": _first(span.get("finish_reasons")),
        "output_length": span.get("output_messages_chars"),
    }
