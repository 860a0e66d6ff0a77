"""Mixpanel: the raw event export (JSON lines), and profiles as the Engage API returns them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.product_analytics import (
    event_fields,
    exact_number,
    integer_or_same,
    name_at,
    object_at,
    scalar_text,
    seen_together,
    time_of_count,
    tracked_events,
    trait_records,
)

_DEVICE = "$device:"
# Seconds until the year 5138, milliseconds since 1973: no count of one is a likely count of other.
_LEAST_MILLISECONDS = Decimal(10) ** 11
# What an export adds to an event, other from one export of it to the next.
_PROCESSING = frozenset({"mp_processing_time_ms", "$mp_api_timestamp_ms", "$mp_api_endpoint"})


class MixpanelUnpacker:
    """Events by name: identity events, the plan's events, every other one; and profiles."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """An event with nothing beside its properties, or a profile."""
        properties = native.get("properties")
        if isinstance(properties, dict):
            return native.keys() == {"event", "properties"} and "time" in properties
        return "$distinct_id" in native and isinstance(native.get("$properties"), dict)

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The records of an event or a profile. Raises Malformed."""
        if "$distinct_id" in native or "$properties" in native:
            yield from _profile(native, context)
            return
        name = name_at(native, "event")
        properties = object_at(native, "properties")
        if not properties:
            raise Malformed(Reason.WRONG_STRUCTURE, "properties")
        envelope = _envelope(name, properties, context)
        if name in ("$identify", "$create_alias", "$merge"):
            yield _identity(name, properties, envelope)
            return
        if name == "$experiment_started":
            variant = {"experiment_id": "Experiment name", "variant": "Variant name"}
            shown = {field: properties.get(key) for field, key in variant.items()}
            yield Record("exposures", {**envelope, **shown})
            return
        stream, fields = event_fields(name, properties)
        if name in tracked_events():
            # Mixpanel's own time is often whole seconds; the tracker's is finer.
            sent_at = time_of_count(properties.get("timestamp"), 10**6)
            envelope["timestamp"] = sent_at or envelope["timestamp"]
        yield Record(stream, {**envelope, **fields})
        yield from seen_together(
            envelope["mp_user_id"], envelope["mp_device_id"], envelope["timestamp"], context
        )


def _envelope(name: str, properties: dict[str, Any], context: Context) -> dict[str, Any]:
    """What every record of an event has."""
    seconds = _seconds(properties.get("time"))
    distinct_id = properties.get("distinct_id")
    device_id = properties.get("$device_id")
    if isinstance(distinct_id, str) and distinct_id.startswith(_DEVICE):
        device_id = device_id or distinct_id.removeprefix(_DEVICE)
        distinct_id = None
    return {
        "timestamp": properties.get("time") if seconds is None else time_of_count(seconds, 10**9),
        "event_id": context.keyed_hash(_identity_of(name, properties, seconds)),
        "event_version": integer_or_same(properties.get("mp_processing_time_ms")),
        "distinct_id": distinct_id or None,
        "mp_user_id": properties.get("$user_id") or None,
        "mp_device_id": device_id or None,
        "mp_os": scalar_text(properties.get("$os")),
        "mp_app_version": scalar_text(properties.get("$app_version_string")),
    }


def _seconds(time: Any) -> Decimal | None:
    """The time of an event in seconds, whichever unit it was exported in."""
    exact = exact_number(time)
    if exact is not None and exact >= _LEAST_MILLISECONDS:
        return exact / 1000
    return exact


def _identity_of(name: str, properties: dict[str, Any], seconds: Decimal | None) -> str:
    """What tells an event from all others, as Mixpanel itself does: to the second.

    Without $insert_id it is the whole event but for what the export adds.
    """
    time = int(seconds) if seconds is not None else properties.get("time")
    parts: list[Any] = [name, properties.get("distinct_id"), time, properties.get("$insert_id")]
    if not properties.get("$insert_id"):
        parts.append(
            sorted(
                (key, value)
                for key, value in properties.items()
                if key not in _PROCESSING and key != "time"
            )
        )
    return json.dumps(parts, default=str)


def _identity(name: str, properties: dict[str, Any], envelope: dict[str, Any]) -> Record:
    """An event that links two ids: which of them is the user's depends on the event."""
    if name == "$identify":
        user_id = properties.get("$identified_id") or properties.get("$user_id")
        alias_id = properties.get("$anon_id") or properties.get("$anon_distinct_id")
    elif name == "$create_alias":
        # alias(new id, old id): the old one is the anonymous one that the new one takes over.
        user_id, alias_id = properties.get("alias"), properties.get("distinct_id")
    else:
        ids = properties.get("$distinct_ids")
        if not isinstance(ids, list) or len(ids) != 2:
            raise Malformed(Reason.WRONG_STRUCTURE, "$distinct_ids")
        user_id, alias_id = ids
        if isinstance(user_id, str) and user_id.startswith(_DEVICE):
            user_id, alias_id = alias_id, user_id
    if isinstance(alias_id, str):
        alias_id = alias_id.removeprefix(_DEVICE)
    return Record(
        "identities",
        {
            "timestamp": envelope["timestamp"],
            "event_id": envelope["event_id"],
            "event_version": envelope["event_version"],
            "user_id": user_id,
            "alias_id": alias_id,
            "link": name,
        },
    )


def _profile(native: dict[str, Any], context: Context) -> Iterator[Record]:
    """The user properties of a profile, as of when it was last seen."""
    properties = object_at(native, "$properties")
    distinct_id = native.get("$distinct_id")
    if not isinstance(distinct_id, str) or not distinct_id:
        raise Malformed(Reason.WRONG_STRUCTURE, "$distinct_id")
    seen_at = properties.get("$last_seen")
    yield from trait_records(
        {key: value for key, value in properties.items() if not key.startswith("$")},
        context.keyed_hash(f"{distinct_id}\x1f{seen_at}"),
        {"timestamp": seen_at, "distinct_id": distinct_id.removeprefix(_DEVICE)},
    )


UNPACKER = MixpanelUnpacker()
