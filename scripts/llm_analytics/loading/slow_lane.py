"""The strict parser for the few lines that the fast lane did not accept: accept, or say why not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NoReturn

from llm_analytics.loading.fast_lane import EARLIEST
from llm_analytics.loading.reasons import Reason
from llm_analytics.tracking_plan import Field, Stream

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1)
_EXACT = Context(prec=60)


class Rejected(Exception):
    """A line is not accepted: the reason and the field it concerns (never a value)."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Number(str):
    """The text of a JSON number, kept apart from strings."""

    __slots__ = ()


@dataclass(frozen=True)
class Clean:
    """An accepted event: its stream and its fields as canonical strings."""

    stream: str
    values: dict[str, str]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


_STRICT: dict[str, Any] = {"parse_constant": _no_constant, "object_pairs_hook": _first_wins}
_TEXT_NUMBERS = json.JSONDecoder(parse_float=Number, parse_int=Number, **_STRICT)
PYTHON_NUMBERS = json.JSONDecoder(**_STRICT)


def parse_object(raw: bytes, decoder: json.JSONDecoder = _TEXT_NUMBERS) -> dict[str, Any]:
    """A line as a JSON object by RFC 8259 alone; numbers stay text. Raises Rejected."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected(Reason.INVALID_UTF8) from None
    try:
        stripped = text.strip(" \t\r\n")
        value, end = decoder.raw_decode(stripped)
    except RecursionError:
        raise Rejected(Reason.TOO_DEEP) from None
    except ValueError:
        raise Rejected(Reason.NOT_JSON) from None
    if end != len(stripped):
        raise Rejected(Reason.NOT_JSON)
    if not isinstance(value, dict):
        raise Rejected(Reason.NOT_OBJECT)
    if "\\u" in text and _has_lone_surrogate(value):
        raise Rejected(Reason.INVALID_CHARACTER)
    return value


def _has_lone_surrogate(value: Any) -> bool:
    """Whether a string anywhere in a value cannot be written as UTF-8."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, str) and _SURROGATE.search(item):
            return True
    return False


class StrictChecker:
    """Checks lines against the plan. `latest` is the newest timestamp accepted."""

    def __init__(self, plan: Mapping[str, Stream], latest: datetime) -> None:
        self._plan = plan
        self._by_event = {stream.event: stream for stream in plan.values()}
        self._latest = latest

    def check(self, raw: bytes, hint: str | None) -> Clean:
        """The clean event of a line; `hint` names the stream where the line does not.

        Raises Rejected.
        """
        record = parse_object(raw)
        stream = self._stream(record.get("event"), hint)
        values = {}
        for item in stream.fields:
            value = record.get(item.name)
            if value is None or item.name == "event":
                continue
            if value == "" and item.min_length and not isinstance(value, Number):
                continue
            values[item.name] = self._value(item, value)
        for item in stream.fields:
            if item.is_required and item.name not in values:
                raise Rejected(Reason.MISSING_FIELD, item.name)
        return Clean(stream.name, values)

    def _stream(self, event: Any, hint: str | None) -> Stream:
        if event is None:
            if hint is None:
                raise Rejected(Reason.NO_STREAM)
            return self._plan[hint]
        if not isinstance(event, str) or isinstance(event, Number):
            raise Rejected(Reason.WRONG_TYPE, "event")
        if event not in self._by_event:
            raise Rejected(Reason.UNKNOWN_EVENT, "event")
        return self._by_event[event]

    def _value(self, item: Field, value: Any) -> str:
        """The canonical text of a value. Raises Rejected."""
        match item.kind:
            case "string":
                return self._string(item, value)
            case "boolean":
                if not isinstance(value, bool):
                    raise Rejected(Reason.WRONG_TYPE, item.name)
                return "true" if value else "false"
            case "timestamp":
                return self._timestamp(item, value)
            case _:
                return self._number(item, value)

    def _string(self, item: Field, value: Any) -> str:
        if not isinstance(value, str) or isinstance(value, Number):
            raise Rejected(Reason.WRONG_TYPE, item.name)
        if "\0" in value:
            raise Rejected(Reason.INVALID_CHARACTER, item.name)
        if len(value) > item.max_length:
            raise Rejected(Reason.TOO_LONG, item.name)
        if item.values and value not in item.values:
            raise Rejected(Reason.NOT_IN_ENUM, item.name)
        return value

    def _number(self, item: Field, value: Any) -> str:
        if not isinstance(value, Number):
            raise Rejected(Reason.WRONG_TYPE, item.name)
        number = _to_decimal(value)
        if number is None:
            raise Rejected(Reason.OUT_OF_RANGE, item.name)
        if item.kind == "integer" and number != number.to_integral_value():
            raise Rejected(Reason.WRONG_TYPE, item.name)
        if item.kind == "number":
            # As the fast lane reads it: the nearest double, then half away from zero.
            number = Decimal(repr(float(value))).quantize(
                Decimal(1).scaleb(-item.scale), ROUND_HALF_UP, _EXACT
            )
        if (item.minimum is not None and number < item.minimum) or (
            item.maximum is not None and number > item.maximum
        ):
            raise Rejected(Reason.OUT_OF_RANGE, item.name)
        return str(int(number)) if item.kind == "integer" else f"{number:f}"

    def _timestamp(self, item: Field, value: Any) -> str:
        if isinstance(value, Number):
            number = _to_decimal(value)
            if number is None:
                raise Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, item.name)
            if number != number.to_integral_value():
                raise Rejected(Reason.INVALID_TIMESTAMP, item.name)
            if abs(number) > 10**15:
                raise Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, item.name)
            try:
                moment = _EPOCH + timedelta(milliseconds=int(number))
            except OverflowError:
                raise Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, item.name) from None
        elif isinstance(value, str):
            moment = _parse_timestamp(item.name, value)
        else:
            raise Rejected(Reason.WRONG_TYPE, item.name)
        if not EARLIEST <= moment <= self._latest:
            raise Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, item.name)
        return moment.isoformat(sep=" ")


def _to_decimal(text: str) -> Decimal | None:
    """The exact number that a JSON number's text stands for; None beyond 10 ** 30 in size."""
    if len(text) > 1000:
        return None
    number = Decimal(text)
    if number and number.adjusted() > 30:
        return None
    return number


def _parse_timestamp(name: str, text: str) -> datetime:
    """An RFC 3339 time in UTC; without an offset it is UTC. Digits beyond microseconds are cut."""
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        raise Rejected(Reason.INVALID_TIMESTAMP, name)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = int((match[7] or "").ljust(6, "0")[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, fraction)
        if match[9]:
            offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
            zone = timezone(offset if match[9] == "+" else -offset)
            moment = moment.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise Rejected(Reason.INVALID_TIMESTAMP, name) from None
    return moment
