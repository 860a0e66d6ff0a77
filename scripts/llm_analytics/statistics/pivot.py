"""One statistic for everything that two arms are asked.

T(r) = (treatment - r·control) / √(v_treatment - 2·r·covariance + r²·v_control). At r = 1 it tests
superiority, at r = 1 - margin (higher is better) or 1 + margin (lower is better) non-inferiority;
the values of r that it does not reject are the interval of the ratio (Fieller, 1954). One critical
value serves all, so that p-value, interval and non-inferiority cannot contradict each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from llm_analytics.statistics.sums import Estimate


@dataclass(frozen=True)
class Comparison:
    """What two arms say about their difference and ratio.

    `lift` is ratio - 1. An interval of the ratio that is `unbounded` has no numbers: the control's
    own value cannot be told from zero. `p_value` is two-sided; it may be as small as 5e-324, below
    which it is 0.
    """

    control: Estimate
    treatment: Estimate
    difference: float
    error: float
    statistic: float
    degrees: float
    critical: float
    p_value: float
    difference_low: float
    difference_high: float
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    covariance: float = 0.0

    @property
    def is_unbounded(self) -> bool:
        """Is the ratio without an interval?"""
        return self.lift_low is None


def welch_degrees(control: Estimate, treatment: Estimate) -> float:
    """Degrees of freedom of a difference. Source: Welch (1947); Satterthwaite (1946)."""
    total = control.variance + treatment.variance
    below = control.variance**2 / control.degrees + treatment.variance**2 / treatment.degrees
    return total**2 / below if below > 0 else control.degrees + treatment.degrees


def statistic_at(
    control: Estimate, treatment: Estimate, ratio: float = 1.0, covariance: float = 0.0
) -> float:
    """T(ratio); infinite where neither arm varies and they differ, 0 where they are equal."""
    gap = treatment.value - ratio * control.value
    variance = treatment.variance - 2 * ratio * covariance + ratio**2 * control.variance
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def fieller(
    control: Estimate, treatment: Estimate, critical: float, covariance: float = 0.0
) -> tuple[float, float] | None:
    """Interval of treatment/control; None where it is unbounded. Source: Fieller (1954).

    Bounded only where the control differs from zero by more than the critical value; a control
    below zero has no ratio that people would understand, and counts as unbounded too.
    """
    a = control.value**2 - critical**2 * control.variance
    if control.value <= 0 or a <= 0:
        return None
    b = treatment.value * control.value - critical**2 * covariance
    c = treatment.value**2 - critical**2 * treatment.variance
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a


def compare(
    control: Estimate,
    treatment: Estimate,
    alpha: float = 0.05,
    *,
    critical: float | None = None,
    degrees: float | None = None,
    covariance: float = 0.0,
) -> Comparison:
    """Everything at once, two-sided at alpha.

    Degrees of freedom are Welch's, at every r those of r = 1: one critical value, no contradiction.
    `critical` replaces it where looks are planned or unplanned (`sequential`), `degrees` where the
    arms are paired. Raises ValueError if not 0 < alpha < 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    free = welch_degrees(control, treatment) if degrees is None else degrees
    limit = float(stats.t.isf(alpha / 2, free)) if critical is None else critical
    statistic = statistic_at(control, treatment, 1.0, covariance)
    difference = treatment.value - control.value
    error = math.sqrt(max(control.variance + treatment.variance - 2 * covariance, 0.0))
    bounds = fieller(control, treatment, limit, covariance)
    return Comparison(
        control=control,
        treatment=treatment,
        difference=difference,
        error=error,
        statistic=statistic,
        degrees=free,
        critical=limit,
        p_value=float(2 * stats.t.sf(abs(statistic), free)),
        difference_low=difference - limit * error,
        difference_high=difference + limit * error,
        lift=treatment.value / control.value - 1 if control.value > 0 else None,
        lift_low=bounds[0] - 1 if bounds else None,
        lift_high=bounds[1] - 1 if bounds else None,
        covariance=covariance,
    )


@dataclass(frozen=True)
class NonInferiority:
    """Is the treatment worse by less than the margin? One-sided at alpha/2 of the comparison.

    `statistic` is positive in favour of the treatment, whatever is better.
    """

    margin: float
    is_relative: bool
    statistic: float
    p_value: float
    is_shown: bool


def non_inferiority(
    comparison: Comparison, margin: float, *, higher_is_better: bool, is_relative: bool = True
) -> NonInferiority:
    """The pivot at the margin: a share of the control's value, or an absolute amount.

    Shown exactly when the interval of the comparison lies on the good side of the margin. Raises
    ValueError for a negative margin, or a relative one of 100 % or more where higher is better.
    """
    if margin < 0 or (is_relative and higher_is_better and margin >= 1):
        raise ValueError(f"not a margin: {margin}")
    sign = 1.0 if higher_is_better else -1.0
    if is_relative:
        raw = statistic_at(
            comparison.control, comparison.treatment, 1 - sign * margin, comparison.covariance
        )
        if comparison.control.value <= 0:
            return NonInferiority(margin, True, math.nan, 1.0, False)
    else:
        gap = comparison.difference + sign * margin
        if comparison.error > 0:
            raw = gap / comparison.error
        else:
            raw = math.copysign(math.inf, gap) if gap else 0.0
    statistic = sign * raw
    return NonInferiority(
        margin,
        is_relative,
        statistic,
        float(stats.t.sf(statistic, comparison.degrees)),
        statistic > comparison.critical,
    )


@dataclass(frozen=True)
class Equivalence:
    """Do the arms differ by less than the margin, whichever way? `p_value` is the larger one."""

    margin: float
    is_relative: bool
    p_value: float
    is_shown: bool


def equivalence(not_worse: NonInferiority, not_better: NonInferiority) -> Equivalence:
    """Two one-sided tests at one margin. Source: Schuirmann (1987).

    Shown exactly when the interval of the comparison lies within the margins on both sides. Raises
    ValueError if the two are not of the same margin.
    """
    margin = (not_worse.margin, not_worse.is_relative)
    if margin != (not_better.margin, not_better.is_relative):
        raise ValueError("not of one margin")
    return Equivalence(
        *margin,
        max(not_worse.p_value, not_better.p_value),
        not_worse.is_shown and not_better.is_shown,
    )
