"""Quantiles of events whose units were randomised: the p95 of calls, clustered by user.

Calls of one user resemble each other, so that a formula for independent events promises too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from llm_analytics.statistics.sums import Estimate, Sums

#: Half-width in standard errors at which the ranks of the bounds are taken.
Z_OF_BOUNDS = 1.959963984540054
#: With fewer clusters the bounds by ranks are too narrow, and a cluster bootstrap takes over.
FEWEST_CLUSTERS = 300


@dataclass(frozen=True)
class QuantileSums:
    """What the warehouse says of a quantile in one arm.

    `sums` has the events of a unit that do not exceed `value` as num, and all of them as den;
    `low` and `high` are the values at the ranks of the bounds, None where a rank lies beyond the
    events.
    """

    sums: Sums
    value: float
    low: float | None
    high: float | None


def share_error(sums: Sums) -> float | None:
    """Standard error of the share of events below the quantile, clustered; None below two units."""
    if sums.n < 2 or not sums.firsts[1]:
        return None
    return math.sqrt(float(sums.spread(0, 1, 0, 1) / sums.n))


def estimate_by_ranks(quantile: QuantileSums) -> Estimate | None:
    """The quantile with its variance from the bounds by ranks; None where a bound is not observed.

    Source: Woodruff (1952); for clustered shares Deng, Knoblich, Lu (2018), section 3.3 ("outer
    confidence interval"): half the distance of the bounds, over 1.96, is the standard error.
    """
    if quantile.low is None or quantile.high is None or quantile.sums.n < 2:
        return None
    error = (quantile.high - quantile.low) / (2 * Z_OF_BOUNDS)
    return Estimate(quantile.value, error**2, quantile.sums.n - 1, quantile.sums.n)


def nearest_rank(sorted_values: Sequence[float] | NDArray[np.float64], q: float) -> float:
    """Smallest value that at least the share q of the values do not exceed."""
    n = len(sorted_values)
    # Of the exact decimal q: 0.95 * 20 is 19, and not the 20th value because of a last bit.
    rank = math.ceil(round(q * n, 9))
    return float(sorted_values[min(max(rank, 1), n) - 1])


def bootstrap_estimate(
    units: Sequence[str], values: Sequence[float], q: float, *, draws: int = 2000, seed: int = 0
) -> Estimate | None:
    """The quantile with its variance over resampled clusters; None below two of them.

    Whole units are drawn with replacement. The seed is fixed: the same data give the same answer.
    Source: Davison and Hinkley (1997), section 3.8; Field and Welsh (2007).
    """
    data = np.asarray(values, dtype=np.float64)
    order = np.argsort(data, kind="stable")
    names, members = np.unique(
        np.asarray(units, dtype=object)[order].astype(str), return_inverse=True
    )
    n = len(names)
    if n < 2:
        return None
    data = data[order]
    generator = np.random.default_rng(seed)
    found = np.empty(draws)
    for draw in range(draws):
        times = generator.multinomial(n, np.full(n, 1 / n))
        below = np.cumsum(times[members])
        found[draw] = data[np.searchsorted(below, math.ceil(round(q * below[-1], 9)))]
    return Estimate(nearest_rank(data, q), float(np.var(found, ddof=1)), n - 1, n)


def quantile_test(values: Sequence[float], at: float, q: float) -> float:
    """P that the q-quantile of independent values is `at`, two-sided, exact.

    Source: Conover (1999), Practical Nonparametric Statistics, section 3.2.
    """
    found = stats.quantile_test(values, q=at, p=q)
    return float(found.pvalue)
