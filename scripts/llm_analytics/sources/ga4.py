"""Google Analytics 4: rows of the BigQuery export, as JSON lines or Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record
from llm_analytics.sources.product_analytics import (
    event_fields,
    integer_or_same,
    name_at,
    seen_together,
    time_of_count,
    trait_records,
)

_MONEY = frozenset({"purchase", "in_app_purchase", "refund"})
_VALUES = ("string_value", "int_value", "double_value", "float_value")
_BATCH = ("batch_page_id", "batch_ordering_id", "batch_event_index")
# A day's table is exported again while late events arrive: events_20260105.202601080400.json.
_EXPORTED_AT = re.compile(r"events_\d{8}\.(\d{12})(?!\d)")


class Ga4Unpacker:
    """Events by name: the plan's events, every other one; and the user properties of each."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """A row with an event's name, its time in microseconds and parameters or a visitor."""
        return {"event_name", "event_timestamp"} <= native.keys() and (
            "event_params" in native or "user_pseudo_id" in native
        )

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The records of a row. Raises Malformed."""
        name = name_at(native, "event_name")
        parameters = {key: value for key, value, _ in _pairs(native, "event_params")}
        user_properties = _pairs(native, "user_properties")
        envelope = _envelope(name, native, parameters, context)
        stream, fields = event_fields(name, parameters)
        if name in _MONEY:
            envelope["value"] = parameters.get("value")
        yield Record(stream, {**envelope, **fields})
        user_id, visitor_id = envelope["ga_user_id"], envelope["user_pseudo_id"]
        for trait, value, set_at in user_properties:
            key = context.keyed_hash(f"{user_id or visitor_id}\x1f{set_at}")
            who = {"ga_user_id": user_id, "user_pseudo_id": visitor_id}
            since = {"timestamp": time_of_count(set_at, 1000)}
            yield from trait_records({trait: value}, key, {**since, **who})
        yield from seen_together(user_id, visitor_id, envelope["timestamp"], context)


def _envelope(
    name: str, native: dict[str, Any], parameters: dict[str, Any], context: Context
) -> dict[str, Any]:
    """What every record of a row has."""
    visitor_id = native.get("user_pseudo_id") or None
    session = parameters.get("ga_session_id")
    app = native.get("app_info")
    return {
        "timestamp": time_of_count(native.get("event_timestamp"), 1000),
        "event_id": context.keyed_hash(_identity_of(name, native)),
        "event_version": _version(context.file_name),
        "ga_user_id": native.get("user_id") or None,
        "user_pseudo_id": visitor_id,
        # The session's number is the second it began: only with the visitor it is one session.
        "ga_session_key": (
            context.keyed_hash(f"{visitor_id}\x1f{session}") if visitor_id and session else None
        ),
        "batch_event_index": integer_or_same(native.get("batch_event_index")),
        "stream_id": native.get("stream_id"),
        "ga_platform": native.get("platform") or None,
        "app_info_version": app.get("version") if isinstance(app, dict) else None,
    }


def _identity_of(name: str, native: dict[str, Any]) -> str:
    """What tells a row from all others of all exports of its table.

    Rows of before the batch columns came may share all but their parameters.
    """
    parts = [native.get("user_pseudo_id"), name, str(native.get("event_timestamp"))]
    parts.append(str(native.get("event_bundle_sequence_id")))
    batch = [str(native[key]) for key in _BATCH if native.get(key) is not None]
    if not batch:
        pairs = sorted((key, str(value)) for key, value, _ in _pairs(native, "event_params"))
        batch = [json.dumps(pairs)]
    return json.dumps([*parts, *batch])


def _version(file_name: str) -> int:
    """Which export of a day's table a file is: 0 while the day lasts, then by the file's name."""
    if "intraday" in file_name:
        return 0
    exported_at = _EXPORTED_AT.search(file_name)
    return int(exported_at[1]) if exported_at else 1


def _pairs(native: Mapping[str, Any], key: str) -> list[tuple[str, Any, Any]]:
    """Keys and values of a repeated field, and when each was set. Raises Malformed."""
    items = native.get(key) or []
    if isinstance(items, str):
        try:
            items = json.loads(items)
        except ValueError:
            raise Malformed(Reason.WRONG_STRUCTURE, key) from None
    if isinstance(items, dict) and isinstance(items.get("list"), list):
        # Parquet without list inference.
        items = [item.get("element") for item in items["list"] if isinstance(item, dict)]
    if not isinstance(items, list):
        raise Malformed(Reason.WRONG_STRUCTURE, key)
    pairs = []
    for item in items:
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, dict) or not isinstance(item.get("key"), str):
            raise Malformed(Reason.WRONG_STRUCTURE, key)
        pairs.append((item["key"], _value(value), value.get("set_timestamp_micros")))
    return pairs


def _value(value: Mapping[str, Any]) -> Any:
    """The one value that is set; 64-bit integers come as text in JSON."""
    if value.get("int_value") is not None:
        return integer_or_same(value["int_value"])
    return next((value[kind] for kind in _VALUES if value.get(kind) is not None), None)


UNPACKER = Ga4Unpacker()
