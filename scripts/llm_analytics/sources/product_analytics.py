"""What the product analytics sources share: the tracking plan's events inside another tool's.

A tool that records `track("llm_query_sent", {...})` holds the plan's fields as properties of its
own events. They land as fields of the same names in record types named as the streams; every other
event is a product event.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.values import moment, time_of_nanoseconds
from llm_analytics.tracking_plan import Field, read_plan

# Streams of the plan whose events a product analytics tool may hold.
TRACKED_STREAMS = ("queries", "responses", "feedback", "product_events", "exposures")
# User properties that land unless LLM_ANALYTICS_TRAITS names others: any other may hold a person.
TRAITS = ("plan", "country", "signed_up", "is_internal", "is_bot")
# Of an event that is not the plan's, these names mean what its sender made of them.
_MOST_DIGITS = 30
_NOT_RESERVED = frozenset(
    {"event", "timestamp", "event_id", "event_version", "sequence_number", "name", "is_user_action"}
)


@cache
def _plan_fields(stream: str) -> tuple[Field, ...]:
    return read_plan()[stream].fields


@cache
def tracked_events() -> dict[str, str]:
    """The stream of each event name of the plan that a tool may hold."""
    plan = read_plan()
    return {plan[stream].event: stream for stream in TRACKED_STREAMS}


def allowed_traits() -> frozenset[str]:
    """Names of the user properties that may land: LLM_ANALYTICS_TRAITS (with commas), or ours."""
    named = os.environ.get("LLM_ANALYTICS_TRAITS", "")
    return frozenset(name.strip() for name in named.split(",") if name.strip()) or frozenset(TRAITS)


def object_at(native: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object inside a record, given as such or as JSON text; {} where it is absent.

    Raises Malformed if it is anything else.
    """
    value = native.get(key)
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Malformed(Reason.WRONG_STRUCTURE, key) from None
    if not isinstance(value, dict):
        raise Malformed(Reason.WRONG_STRUCTURE, key)
    return value


def name_at(native: Mapping[str, Any], key: str) -> str:
    """The name of an event. Raises Malformed where there is none."""
    value = native.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(Reason.WRONG_STRUCTURE, key)
    return value


def event_fields(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The stream of an event, and what of the plan its properties hold.

    The properties of the plan's own events are taken as they are, to be checked like any other
    record; of another event only those whose value could be the plan's.
    """
    stream = tracked_events().get(name)
    if stream is not None:
        return stream, {
            item.name: properties[item.name]
            for item in _plan_fields(stream)
            if item.name not in ("event", "timestamp")
            and properties.get(item.name) not in (None, "")
        }
    return "product_events", {"name": name} | {
        item.name: properties[item.name]
        for item in _plan_fields("product_events")
        if item.name not in _NOT_RESERVED and _could_be(item, properties.get(item.name))
    }


def _could_be(item: Field, value: Any) -> bool:
    """Whether a value has the type and the size that the plan gives this field."""
    if item.kind == "boolean":
        return isinstance(value, bool)
    if item.kind in ("integer", "number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and 0 < len(value) <= item.max_length


def exact_number(value: Any) -> Decimal | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        exact = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # A number of ten million digits is none that any field could hold.
    return exact if exact.is_finite() and exact.adjusted() <= _MOST_DIGITS else None


def integer_or_same(value: Any) -> Any:
    """A whole number in text or with decimals as an int; anything else as it is."""
    exact = exact_number(value)
    return int(exact) if exact is not None and exact == exact.to_integral_value() else value


def time_of_count(value: Any, unit: int) -> Any:
    """RFC 3339 of a count since 1970 in units of so many nanoseconds; else the value as it is."""
    exact = exact_number(value)
    return value if exact is None else time_of_nanoseconds(int(exact * unit))


def scalar_text(value: Any) -> str | None:
    """A string, number or boolean as text; None for anything else and for an empty text."""
    if isinstance(value, dict | list) or value in (None, ""):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def seen_together(
    user_id: Any, alias_id: Any, timestamp: Any, context: Context
) -> Iterator[Record]:
    """That an event names both a user and a device links them, once a UTC day.

    All events of a day give the same record, so that only the first one lands.
    """
    seen_at = moment(timestamp)
    if not user_id or not alias_id or user_id == alias_id or seen_at is None:
        return
    day = seen_at.date().isoformat()
    key = context.keyed_hash("\x1f".join((str(user_id), str(alias_id), day)))
    yield Record(
        "identities",
        {
            "timestamp": f"{day}T00:00:00Z",
            "event_id": key,
            "user_id": user_id,
            "alias_id": alias_id,
            "link": "seen_together",
        },
    )


def trait_records(
    properties: Mapping[str, Any], event_id: Any, envelope: Mapping[str, Any]
) -> Iterator[Record]:
    """A record per user property that may land; a property set to null is cleared."""
    allowed = allowed_traits()
    for trait, value in properties.items():
        if trait in allowed and not isinstance(value, dict | list):
            yield Record(
                "user_traits",
                {
                    **envelope,
                    "event_id": f"{event_id}:{trait}" if event_id else None,
                    "trait": trait,
                    "value": scalar_text(value),
                },
            )
