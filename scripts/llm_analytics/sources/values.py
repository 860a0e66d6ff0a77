"""Values of native records in the form that the loader checks: times, numbers and texts."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LAST_SECOND = 253_402_300_799  # of the year 9999


def snake_case(name: str) -> str:
    """A native name as a field's: `ai.usage.promptTokens` is ai_usage_prompt_tokens."""
    return _CAMEL.sub("_", name).replace(".", "_").replace("-", "_").lower()


def time_of_nanoseconds(value: Any) -> Any:
    """Nanoseconds since 1970, a number or its text, as RFC 3339 in UTC; microseconds remain.

    None for 0, which stands for an unknown time; what is no such number comes back unchanged.
    """
    nanoseconds = whole_number(value)
    if not isinstance(nanoseconds, int) or not 0 <= nanoseconds <= _LAST_SECOND * 10**9:
        return value
    return _rfc3339(_EPOCH + timedelta(microseconds=nanoseconds // 1000)) if nanoseconds else None


def time_of_text(value: Any) -> Any:
    """A time as text, with a space or T and in UTC where it has no offset; else unchanged.

    None for an empty one.
    """
    if not isinstance(value, str):
        return value
    return value.strip().replace(" ", "T", 1) or None


def moment(value: Any) -> datetime | None:
    """The instant that an RFC 3339 text means, UTC where it has no offset; None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def later(start: Any, seconds: Any) -> Any:
    """The time so many seconds after a time in text; None if either is not known."""
    begun, length = moment(start), number(seconds)
    if begun is None or isinstance(length, bool) or not isinstance(length, int | float | Decimal):
        return None
    try:
        return _rfc3339(begun + timedelta(microseconds=int(Decimal(str(length)) * 1_000_000)))
    except (OverflowError, InvalidOperation):
        return None


def whole_number(value: Any) -> Any:
    """An integer given as its digits, as protobuf's JSON writes 64 bits; else unchanged."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value):
        return int(value)
    return value


def number(value: Any) -> Any:
    """A number, also from text (CSV); None for an empty text and for NaN and infinity."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = Decimal(value)
        except InvalidOperation:
            return value
        if value.is_finite():
            return int(value) if value == value.to_integral_value() else float(value)
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def text(value: Any) -> Any:
    """A text, also of a number that serves as a name; None for an empty one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    return None if value == "" else value


def _rfc3339(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of_epoch(value: Any) -> Any:
    """A time as text, or as a number since 1970 in whichever unit its size tells.

    Seconds, milliseconds, microseconds and nanoseconds of our days differ by a factor of a
    thousand, so none can be taken for another. What is no time comes back unchanged.
    """
    found = number(value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return time_of_text(value)
    for limit, per_second in ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9)):
        if abs(found) < limit:
            microseconds = int(Decimal(str(found)) * 1_000_000 / per_second)
            return _rfc3339(_EPOCH + timedelta(microseconds=microseconds))
    return value
