"""Defects at stated rates, and the order in which lines arrive.

A stream is a table with one row per true event. First some rows are changed in place; then the
emission says which lines are written: each row once, and copies of some.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .incidents import DAY_MS
from .parameters import Defects
from .randomness import Columns, Floats, Integers, Randomness, take

#: Variants of a line: the event, and what else is written of it.
EVENT, DUPLICATE, OLD_VERSION, CONFLICT, MALFORMED, FUTURE, PAST, TIMELESS = range(8)
VARIANTS = (
    "event", "duplicate", "old_version", "conflicting_content", "malformed", "far_future",
    "far_past", "missing_timestamp",
)  # fmt: skip
#: What the loader has to do with each variant.
OUTCOMES = (
    "accepted", "duplicate", "accepted", "accepted", "quarantined", "quarantined", "quarantined",
    "quarantined",
)  # fmt: skip

#: Streams whose time is taken by the user's device.
CLIENT_STREAMS = ("queries", "feedback", "product_events")


@dataclass(frozen=True)
class Emission:
    """The lines of a stream in order of arrival: its row, its variant, when it arrives."""

    row: Integers
    variant: Integers
    arrival_ms: Integers
    #: Where a malformed line is cut, as a share of its length.
    cut: Floats


def spoil(
    defects: Defects | None, randomness: Randomness, stream: str, events: Columns
) -> tuple[Emission, dict[str, int]]:
    """Change events in place, and say which lines are written; counts of each defect.

    Without `defects` each event is written once and arrives a few seconds later.
    """
    rng = randomness.stream(f"defects {stream}")
    n = len(events["timestamp"])
    delay = np.rint(rng.exponential(3_000, n)).astype(np.int64) + 50
    arrival = events["timestamp"] + delay
    rows, variants = [np.arange(n)], [np.full(n, EVENT)]
    counts: dict[str, int] = {}
    if defects is None or stream not in defects.streams:
        return _in_order(rows, variants, [arrival], rng), counts

    is_late = rng.random(n) < defects.late_rate
    low, high = defects.late_hours
    late_ms = (low + (high - low) * rng.random(n)) * 3_600_000
    is_disordered = ~is_late & (rng.random(n) < defects.disordered_rate)
    short, long = defects.disordered_minutes
    disorder_ms = (short + (long - short) * rng.random(n)) * 60_000
    arrival = arrival + np.where(is_late, late_ms, np.where(is_disordered, disorder_ms, 0)).astype(
        np.int64
    )
    counts["late"], counts["disordered"] = int(is_late.sum()), int(is_disordered.sum())
    counts.update(_change(defects, rng, stream, events))

    has_id = events["event_id"] != 0
    versioned = np.nonzero(has_id & (rng.random(n) < defects.versioned_rate))[0]
    events["event_version"][versioned] = 2
    chance = rng.random(n) < defects.conflicting_rate
    conflicting = np.nonzero(has_id & chance & (events["event_version"] < 0))[0]
    duplicated = np.nonzero(rng.random(n) < defects.duplicate_rate)[0]
    arrivals = [arrival]

    def add(chosen: Integers, variant: int, at: Integers) -> None:
        rows.append(chosen)
        variants.append(np.full(len(chosen), variant))
        arrivals.append(at)
        counts[VARIANTS[variant]] = len(chosen)

    again_ms = np.rint(60_000 * 120 ** rng.random(len(duplicated))).astype(np.int64)
    add(duplicated, DUPLICATE, arrival[duplicated] + again_ms)
    hour = 3_600_000
    for chosen, variant in ((versioned, OLD_VERSION), (conflicting, CONFLICT)):
        shift = rng.integers(-hour // 60, hour, len(chosen))
        add(chosen, variant, np.maximum(arrival[chosen] + shift, events["timestamp"][chosen]))
    for variant, rate in (
        (MALFORMED, defects.malformed_rate),
        (FUTURE, defects.far_future_rate),
        (PAST, defects.far_past_rate),
        (TIMELESS, defects.missing_timestamp_rate),
    ):
        chosen = np.nonzero(rng.random(n) < rate)[0]
        add(chosen, variant, arrival[chosen] + 5)
    return _in_order(rows, variants, arrivals, rng), counts


def _change(
    defects: Defects, rng: np.random.Generator, stream: str, events: Columns
) -> dict[str, int]:
    """Defects of single fields, in place."""
    n, counts = len(events["timestamp"]), {}
    if stream in CLIENT_STREAMS:
        chosen = rng.random(n) < defects.skewed_rate
        most = int(defects.skewed_seconds * 1_000)
        skew = rng.integers(500, most + 1, n) * np.where(rng.random(n) < 0.5, -1, 1)
        events["timestamp"] += np.where(chosen, skew, 0)
        counts["skewed"] = int(chosen.sum())
    has_session = events["session_id"] != 0
    chosen = has_session & (rng.random(n) < defects.missing_session_rate)
    events["session_id"][chosen] = 0
    counts["missing_session"] = int(chosen.sum())
    if "conversation_turn" in events:
        chosen = rng.random(n) < defects.missing_turn_rate
        events["conversation_turn"][chosen] = -1
        counts["missing_turn"] = int(chosen.sum())
    if stream == "responses":
        chosen = rng.random(n) < defects.unknown_model_rate
        # The names of the models are followed by that of the unknown one.
        for name in ("response_model", "model_version"):
            events[name] = np.where(
                chosen & (events[name] >= 0), events["unknown_model"], events[name]
            )
        counts["unknown_model"] = int(chosen.sum())
        chosen = rng.random(n) < defects.negative_latency_rate
        events["latency_ms"] = np.where(
            chosen, -1 - np.abs(events["latency_ms"]), events["latency_ms"]
        )
        counts["negative_latency"] = int(chosen.sum())
    return counts


def _in_order(
    rows: list[Integers],
    variants: list[Integers],
    arrivals: list[Integers],
    rng: np.random.Generator,
) -> Emission:
    row, variant = np.concatenate(rows), np.concatenate(variants)
    arrival = np.concatenate(arrivals)
    order = np.lexsort((variant, row, arrival))
    cut = rng.random(len(row))
    return Emission(row[order], variant[order], arrival[order], cut)


def lines(defects: Defects, events: Columns, emission: Emission, part: slice) -> Columns:
    """The columns of some lines: those of their events, changed as their variants say."""
    row, variant = emission.row[part], emission.variant[part]
    result = take(events, row)
    far = defects.far_days * DAY_MS
    result["timestamp"] = result["timestamp"] + np.where(
        variant == FUTURE, far, np.where(variant == PAST, -far, 0)
    )
    result["event_version"] = np.where(variant == OLD_VERSION, 1, result["event_version"])
    other_content = (variant == OLD_VERSION) | (variant == CONFLICT)
    result["is_resent"] = np.where(other_content, 0, -1)
    if "output_tokens" in result:
        # What an early version knew: half of the answer.
        is_old = (variant == OLD_VERSION) & (result["output_tokens"] > 0)
        for name in ("output_tokens", "reasoning_tokens"):
            result[name] = np.where(is_old, result[name] // 2, result[name])
    result["is_timeless"] = variant == TIMELESS
    result["cut"] = np.where(variant == MALFORMED, emission.cut[part], -1.0)
    return result
