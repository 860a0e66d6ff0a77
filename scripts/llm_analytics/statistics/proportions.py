"""Two proportions: the same pivot with its variance under the hypothesis (score tests).

Near 0 and 1, and at a margin, the observed variance is the wrong one. The score test uses the
variance of the most likely proportions under the hypothesis itself; at a ratio of 1 it is the
pooled z test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import optimize, stats

from llm_analytics.statistics.pivot import Comparison, NonInferiority
from llm_analytics.statistics.sums import Estimate


@dataclass(frozen=True)
class Counts:
    """Successes of trials in an arm. Raises ValueError if not 0 <= successes <= trials."""

    successes: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials or self.trials == 0:
            raise ValueError(f"not a proportion: {self.successes} of {self.trials}")

    @property
    def rate(self) -> float:
        """Successes over trials."""
        return self.successes / self.trials


def restricted_by_ratio(control: Counts, treatment: Counts, ratio: float) -> tuple[float, float]:
    """Most likely rates (control, treatment) with treatment = ratio * control.

    Source: Farrington and Manning (1990), Statistics in Medicine 9:1447, case of the ratio.
    """
    n = control.trials + treatment.trials
    a = n * ratio
    b = -(control.trials + treatment.successes + ratio * (treatment.trials + control.successes))
    c = control.successes + treatment.successes
    # The smaller root, without subtracting near equals (b < 0).
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    rate = 2 * c / (-b + root)
    rate = min(rate, 1.0, 1 / ratio if ratio > 0 else 1.0)
    return rate, min(ratio * rate, 1.0)


def restricted_by_difference(
    control: Counts, treatment: Counts, difference: float
) -> tuple[float, float]:
    """Most likely rates (control, treatment) with treatment = control + difference.

    The root of the cubic likelihood equation between its bounds. Source: Farrington and Manning
    (1990), case of the difference; Miettinen and Nurminen (1985), appendix 1.
    """
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)

    def slope(rate: float) -> float:
        other = rate + difference
        value = 0.0
        for counts, p in ((control, rate), (treatment, other)):
            if counts.successes:
                value += counts.successes / p if p > 0 else math.inf
            if counts.successes < counts.trials:
                value -= (counts.trials - counts.successes) / (1 - p) if p < 1 else math.inf
        return value

    # The likelihood is concave, so that its slope falls from one bound to the other.
    inner = (high - low) * 1e-15
    if high - low <= 0 or slope(low + inner) <= 0:
        return low, min(max(low + difference, 0.0), 1.0)
    if slope(high - inner) >= 0:
        return high, min(max(high + difference, 0.0), 1.0)
    rate = float(optimize.brentq(slope, low + inner, high - inner, xtol=1e-16, rtol=1e-15))
    return rate, rate + difference


def _z(gap: float, variance: float) -> float:
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def score_by_ratio(control: Counts, treatment: Counts, ratio: float = 1.0) -> float:
    """T(ratio) with the variance under treatment = ratio * control; at 1 the pooled z test."""
    p, q = restricted_by_ratio(control, treatment, ratio)
    variance = q * (1 - q) / treatment.trials + ratio**2 * p * (1 - p) / control.trials
    return _z(treatment.rate - ratio * control.rate, variance)


def score_by_difference(
    control: Counts, treatment: Counts, difference: float = 0.0, *, is_corrected: bool = False
) -> float:
    """The same for treatment = control + difference. Source: Mee (1984).

    `is_corrected` multiplies the variance by N/(N-1) as Miettinen and Nurminen (1985) do.
    """
    p, q = restricted_by_difference(control, treatment, difference)
    variance = q * (1 - q) / treatment.trials + p * (1 - p) / control.trials
    n = control.trials + treatment.trials
    return _z(
        treatment.rate - control.rate - difference, variance * (n / (n - 1) if is_corrected else 1)
    )


def _inverted(
    statistic: Callable[[float], float], critical: float, low: float, middle: float, high: float
) -> tuple[float, float]:
    """Where a falling statistic crosses ±critical; the bound itself where it does not."""
    bounds = []
    for limit, (left, right) in ((critical, (low, middle)), (-critical, (middle, high))):
        at_left, at_right = statistic(left) - limit, statistic(right) - limit
        if at_left <= 0 and limit > 0:
            bounds.append(left)
        elif at_right >= 0 and limit < 0:
            bounds.append(right)
        else:
            bounds.append(
                float(optimize.brentq(lambda x, c=limit: statistic(x) - c, left, right, xtol=1e-14))
            )
    return bounds[0], bounds[1]


def ratio_interval(
    control: Counts, treatment: Counts, critical: float
) -> tuple[float, float] | None:
    """Ratios that the score test does not reject; None (unbounded) where control has no success.

    Also None where the test cannot tell the control from zero, so that no ratio is too large.
    Source: Koopman (1984); Miettinen and Nurminen (1985).
    """
    if control.successes == 0:
        return None
    middle = treatment.rate / control.rate
    high = max(2.0, 2 * middle)
    while score_by_ratio(control, treatment, high) > -critical:
        high *= 2
        if high > 1e12:
            return None
    return _inverted(
        lambda ratio: score_by_ratio(control, treatment, ratio),
        critical, 0.0 if middle == 0 else middle * 1e-9, middle, high,
    )  # fmt: skip


def difference_interval(
    control: Counts, treatment: Counts, critical: float, *, is_corrected: bool = False
) -> tuple[float, float]:
    """Differences that the score test does not reject. Source: Mee (1984); see the statistic."""
    return _inverted(
        lambda value: score_by_difference(control, treatment, value, is_corrected=is_corrected),
        critical, -1.0, treatment.rate - control.rate, 1.0,
    )  # fmt: skip


def wilson_interval(counts: Counts, critical: float) -> tuple[float, float]:
    """Score interval of one proportion. Source: Wilson (1927)."""
    n, z2 = counts.trials, critical**2
    middle = (counts.successes + z2 / 2) / (n + z2)
    half = critical / (n + z2) * math.sqrt(counts.rate * (1 - counts.rate) * n + z2 / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe_interval(control: Counts, treatment: Counts, critical: float) -> tuple[float, float]:
    """Interval of the difference from those of the arms. Source: Newcombe (1998), method 10."""
    (c_low, c_high), (t_low, t_high) = (
        wilson_interval(arm, critical) for arm in (control, treatment)
    )
    difference = treatment.rate - control.rate
    return (
        difference - math.hypot(treatment.rate - t_low, c_high - control.rate),
        difference + math.hypot(t_high - treatment.rate, control.rate - c_low),
    )


def compare_proportions(
    control: Counts, treatment: Counts, alpha: float = 0.05, *, critical: float | None = None
) -> Comparison:
    """As `pivot.compare`, with score statistics in place of T: all of it from one test again.

    At no difference both score statistics are the pooled z, so that p and both intervals agree.
    Raises ValueError if not 0 < alpha < 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    limit = float(stats.norm.isf(alpha / 2)) if critical is None else critical
    statistic = score_by_ratio(control, treatment)
    low, high = difference_interval(control, treatment, limit)
    ratios = ratio_interval(control, treatment, limit)
    arms = [
        Estimate(arm.rate, arm.rate * (1 - arm.rate) / arm.trials, arm.trials - 1, arm.trials)
        for arm in (control, treatment)
    ]
    return Comparison(
        control=arms[0],
        treatment=arms[1],
        difference=treatment.rate - control.rate,
        error=math.sqrt(arms[0].variance + arms[1].variance),
        statistic=statistic,
        degrees=math.inf,
        critical=limit,
        p_value=float(2 * stats.norm.sf(abs(statistic))),
        difference_low=low,
        difference_high=high,
        lift=treatment.rate / control.rate - 1 if control.successes else None,
        lift_low=ratios[0] - 1 if ratios else None,
        lift_high=ratios[1] - 1 if ratios else None,
    )


def non_inferior_proportions(
    control: Counts,
    treatment: Counts,
    margin: float,
    critical: float,
    *,
    higher_is_better: bool,
    is_relative: bool = True,
) -> NonInferiority:
    """As `pivot.non_inferiority`. Source: Farrington and Manning (1990).

    A relative margin on a control without successes shows nothing. Raises ValueError for a
    negative margin, or a relative one of 100 % or more where higher is better.
    """
    if margin < 0 or (is_relative and higher_is_better and margin >= 1):
        raise ValueError(f"not a margin: {margin}")
    sign = 1.0 if higher_is_better else -1.0
    if is_relative and control.successes == 0:
        return NonInferiority(margin, True, math.nan, 1.0, False)
    if is_relative:
        raw = score_by_ratio(control, treatment, 1 - sign * margin)
    else:
        raw = score_by_difference(control, treatment, -sign * margin)
    statistic = sign * raw
    return NonInferiority(
        margin, is_relative, statistic, float(stats.norm.sf(statistic)), statistic > critical
    )
