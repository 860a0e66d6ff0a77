"""How long it lasts until something happens, when for some it has not happened yet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Spells:
    """At one time: how many spells end with the event, and how many are only seen until then.

    Raises ValueError for a negative number.
    """

    time: float
    n_events: int
    n_censored: int

    def __post_init__(self) -> None:
        if self.time < 0 or self.n_events < 0 or self.n_censored < 0:
            raise ValueError(f"neither times nor counts are negative: {self}")


@dataclass(frozen=True)
class Step:
    """The estimate from `time` on, in the unit of the times: `survival` with its bounds.

    `n_at_risk` are those whose spell lasts until `time` at least.
    """

    time: float
    n_at_risk: int
    n_events: int
    n_censored: int
    survival: float
    error: float
    low: float
    high: float


def merged(groups: Iterable[Spells]) -> list[Spells]:
    """One row per time, in order."""
    totals: dict[float, list[int]] = {}
    for row in groups:
        total = totals.setdefault(row.time, [0, 0])
        total[0] += row.n_events
        total[1] += row.n_censored
    return [Spells(time, *totals[time]) for time in sorted(totals)]


def kaplan_meier(spells: Iterable[Spells], level: float = 0.95) -> list[Step]:
    """The share whose spell lasts longer, after each time with an event or an end of the view.

    Who is censored at a time is at risk at that time. Source: Kaplan and Meier (1958); error by
    Greenwood (1926); bounds on the scale of log(-log), which stay within 0 and 1 (Kalbfleisch and
    Prentice, 1980, eq. 1.19). Raises ValueError if not 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    z = float(stats.norm.isf((1 - level) / 2))
    rows = merged(spells)
    at_risk = sum(row.n_events + row.n_censored for row in rows)
    survival, greenwood = 1.0, 0.0
    steps = []
    for row in rows:
        if row.n_events:
            survival *= 1 - row.n_events / at_risk
            left = at_risk - row.n_events
            greenwood += row.n_events / (at_risk * left) if left else math.inf
        low, high = _bounds(survival, greenwood, z)
        error = survival * math.sqrt(greenwood) if survival > 0 else 0.0
        steps.append(
            Step(row.time, at_risk, row.n_events, row.n_censored, survival, error, low, high)
        )
        at_risk -= row.n_events + row.n_censored
    return steps


def _bounds(survival: float, greenwood: float, z: float) -> tuple[float, float]:
    if survival >= 1 or survival <= 0:
        return survival, survival
    half = z * math.sqrt(greenwood) / abs(math.log(survival))
    return survival ** math.exp(half), survival ** math.exp(-half)


def survival_at(steps: Sequence[Step], time: float) -> Step | None:
    """The estimate at a time: that of the last step not after it. None past the last time seen.

    Before the first step nothing has happened to anybody.
    """
    if not steps or time > steps[-1].time:
        return None
    start = Step(0.0, steps[0].n_at_risk, 0, 0, 1.0, 0.0, 1.0, 1.0)
    return next((step for step in reversed(steps) if step.time <= time), start)


@dataclass(frozen=True)
class SpellQuantile:
    """The time by which a share has had the event; None where the view ends before."""

    time: float | None
    low: float | None
    high: float | None


def spell_quantile(steps: Sequence[Step], share: float = 0.5) -> SpellQuantile:
    """The first time at which at least `share` has had the event; the median by default.

    Its bounds are where those of the estimate cross the same share. Source: Brookmeyer and Crowley
    (1982).
    """
    left = 1 - share

    def first(values: Iterable[tuple[float, float]]) -> float | None:
        return next((time for time, value in values if value <= left + 1e-12), None)

    return SpellQuantile(
        first((step.time, step.survival) for step in steps),
        first((step.time, step.low) for step in steps),
        first((step.time, step.high) for step in steps),
    )


@dataclass(frozen=True)
class LogRank:
    """Do groups differ? `statistic` is chi squared with `degrees` degrees of freedom."""

    statistic: float
    degrees: int
    p_value: float


def log_rank(groups: Mapping[str, Iterable[Spells]]) -> LogRank | None:
    """Tests that all groups have one curve; None below two groups with events to compare.

    Source: Mantel (1966); Peto and Peto (1972), of k groups with the hypergeometric variance.
    """
    tables = [
        {row.time: row for row in merged(rows)} for _, rows in sorted(groups.items())
    ]  # fmt: skip
    k = len(tables)
    at_risk = np.array(
        [sum(row.n_events + row.n_censored for row in table.values()) for table in tables],
        dtype=np.float64,
    )
    surplus, variance = np.zeros(k), np.zeros((k, k))
    for time in sorted({time for table in tables for time in table}):
        rows = [table.get(time, Spells(time, 0, 0)) for table in tables]
        events = np.array([row.n_events for row in rows], dtype=np.float64)
        n, d = float(at_risk.sum()), float(events.sum())
        if d and n > 1:
            shares = at_risk / n
            surplus += events - d * shares
            spread = d * (n - d) / (n - 1)
            variance += spread * (np.diag(shares) - np.outer(shares, shares))
        at_risk -= events + np.array([row.n_censored for row in rows])
    degrees = int(np.linalg.matrix_rank(variance)) if k > 1 else 0
    if degrees == 0:
        return None
    statistic = float(surplus @ np.linalg.pinv(variance) @ surplus)
    return LogRank(statistic, degrees, float(stats.chi2.sf(statistic, degrees)))
