"""Thresholds that the history of a rule suggests."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from llm_analytics.alerts.windows import Window

#: Windows of which fewer are no history.
ENOUGH = 28


@dataclass(frozen=True)
class Proposal:
    """What a rule did in its history, and the tightest threshold that would have kept quiet."""

    rule: str
    method: str
    direction: str
    threshold: float
    n_windows: int
    days: float
    n_firings: int
    #: None with too little history, or where no window says anything.
    proposed: float | None


def propose(windows: Iterable[Window], firings_per_quarter: float) -> list[Proposal]:
    """A proposal for each rule, by name.

    The threshold is the tightest at which no more windows of this history than
    `firings_per_quarter` (90 days) would have fired. The allowance for chance grows with
    the threshold, so that one far from the present one is worth another look after a build with
    it. Raises ValueError for a negative number of firings.
    """
    if firings_per_quarter < 0:
        raise ValueError("firings per quarter cannot be negative")
    by_rule = groupby(sorted(windows, key=lambda each: each.rule), key=lambda each: each.rule)
    return [_propose(list(of_rule), firings_per_quarter) for _, of_rule in by_rule]


def _propose(windows: list[Window], firings_per_quarter: float) -> Proposal:
    first = windows[0]
    span = max(each.ended_at for each in windows) - min(each.started_at for each in windows)
    days = span / timedelta(days=1)
    allowed = round(firings_per_quarter * days / 90)
    told = [each for each in map(_needed, windows) if each is not None]
    needed = sorted(told, reverse=_grows(first))
    enough = len(windows) >= ENOUGH and len(needed) > allowed
    return Proposal(
        rule=first.rule,
        method=first.method,
        direction=first.direction,
        threshold=first.threshold,
        n_windows=len(windows),
        days=days,
        n_firings=sum(each.is_firing for each in windows),
        proposed=_outward(needed[allowed], _grows(first)) if enough else None,
    )


def _grows(window: Window) -> bool:
    """Is a higher threshold the more lenient one? Of a robust rule always: it counts spreads."""
    return window.method == "robust" or window.direction == "above"


def _needed(window: Window) -> float | None:
    """The threshold at which this window would not have fired, only just."""
    if window.method == "static":
        return window.threshold * window.metric_value / window.limit if window.limit else None
    if window.baseline is None or window.limit == window.baseline:
        return None
    value, limit = window.metric_value - window.baseline, window.limit - window.baseline
    if window.noise == "mean" and window.baseline > 0 < window.metric_value:
        value = math.log(window.metric_value / window.baseline)
        limit = math.log(window.limit / window.baseline)
    reach = value / limit
    # On the good side of the median no number of spreads is too few.
    return window.threshold * reach if reach > 0 else None


def _outward(value: float, grows: bool) -> float:
    """Two digits that stand for no stricter a threshold."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    whole = math.ceil(value / step - 1e-9) if grows else math.floor(value / step + 1e-9)
    return float(f"{whole * step:.12g}")
