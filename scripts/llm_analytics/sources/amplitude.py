"""Amplitude: the Export API's JSON lines (and Parquet or CSV of the same columns)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.product_analytics import (
    event_fields,
    exact_number,
    integer_or_same,
    name_at,
    object_at,
    seen_together,
    trait_records,
)

_IDENTIFY = "$identify"
_EXPOSURES = frozenset({"$exposure", "[Experiment] Exposure"})
_MARKS = frozenset({"$insert_id", "uuid", "amplitude_id", "server_upload_time"})


class AmplitudeUnpacker:
    """Events by type: user property updates, the plan's events, every other one."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """An event with its type, its time and a column that only Amplitude writes."""
        return {"event_type", "event_time"} <= native.keys() and not _MARKS.isdisjoint(native)

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The records of an event. Raises Malformed."""
        name = name_at(native, "event_type")
        properties = object_at(native, "event_properties")
        user_properties = object_at(native, "user_properties")
        envelope = _envelope(native, context)
        if name == _IDENTIFY:
            yield from trait_records(
                _updates(user_properties),
                envelope["event_id"],
                {key: envelope[key] for key in ("timestamp", "amplitude_user_id", "device_id")},
            )
        elif name in _EXPOSURES:
            shown = {"experiment_id": "flag_key", "variant": "variant"}
            fields = {field: properties.get(key) for field, key in shown.items()}
            yield Record("exposures", {**envelope, **fields})
        else:
            stream, fields = event_fields(name, properties)
            if stream == "product_events":
                envelope["revenue"] = properties.get("$revenue")
                envelope["revenue_currency"] = properties.get("$currency") or None
            yield Record(stream, {**envelope, **fields})
        yield from seen_together(
            envelope["amplitude_user_id"], envelope["device_id"], envelope["timestamp"], context
        )


def _envelope(native: dict[str, Any], context: Context) -> dict[str, Any]:
    """What every record of an event has."""
    device_id, user_id = native.get("device_id") or None, native.get("user_id") or None
    session = exact_number(native.get("session_id"))
    has_session = session is not None and session >= 0
    return {
        # UTC without a zone, as the loader reads a time without one.
        "timestamp": native.get("event_time"),
        "event_id": _event_id(native, context),
        "amplitude_user_id": user_id,
        "device_id": device_id,
        # The session's number is the time it began: only with the device it is one session.
        "amplitude_session_key": (
            context.keyed_hash(f"{device_id or user_id}\x1f{session}") if has_session else None
        ),
        "amplitude_event_number": _event_number(native.get("event_id")),
        "amplitude_platform": native.get("platform") or None,
        "version_name": native.get("version_name") or None,
    }


def _event_id(native: dict[str, Any], context: Context) -> str | None:
    """Insert id and device, by which Amplitude deduplicates; else the event's uuid."""
    insert_id = native.get("$insert_id") or native.get("insert_id")
    if insert_id:
        owner = native.get("device_id") or native.get("user_id")
        return context.keyed_hash(f"{owner}\x1f{insert_id}")
    return native.get("uuid")


def _event_number(value: Any) -> int | None:
    """Amplitude's counter of a device's events, which orders those of one instant."""
    number = integer_or_same(value)
    return number if isinstance(number, int) and number >= 0 else None


def _updates(user_properties: dict[str, Any]) -> dict[str, Any]:
    """The properties that an update sets or clears; without operations all are set.

    $setOnce is left out: whether it changed anything depends on what was set before.
    """
    if not any(key.startswith("$") for key in user_properties):
        return user_properties
    cleared = dict.fromkeys(object_at(user_properties, "$unset"))
    return cleared | object_at(user_properties, "$set")


UNPACKER = AmplitudeUnpacker()
