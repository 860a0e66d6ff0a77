"""Chances of the lift, for those who ask for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from llm_analytics.statistics.pivot import Comparison

#: Standard deviation of the prior of the lift: most changes move a metric by less than 10 %.
PRIOR_DEVIATION = 0.1


@dataclass(frozen=True)
class Posterior:
    """Normal posterior of the lift, and how likely it is above 0 and above -margin (or below)."""

    mean: float
    deviation: float
    p_better: float
    p_not_worse: float


def linear_lift(comparison: Comparison) -> tuple[float, float] | None:
    """Lift and its standard error by the delta method; None without a control above zero.

    Only where a normal lift is asked for: at a small control it is off, and Fieller's is not.
    """
    control, treatment = comparison.control, comparison.treatment
    if control.value <= 0:
        return None
    ratio = treatment.value / control.value
    variance = (
        treatment.variance + ratio**2 * control.variance - 2 * ratio * comparison.covariance
    ) / control.value**2
    return ratio - 1, math.sqrt(max(variance, 0.0))


def posterior(
    comparison: Comparison,
    *,
    higher_is_better: bool,
    margin: float = 0.0,
    prior_deviation: float = PRIOR_DEVIATION,
) -> Posterior | None:
    """Of a normal lift with prior N(0, prior_deviation²). Source: Gelman et al. (2013), 2.10."""
    lift = linear_lift(comparison)
    if lift is None or lift[1] == 0:
        return None
    precision = 1 / lift[1] ** 2 + 1 / prior_deviation**2
    deviation = math.sqrt(1 / precision)
    mean = lift[0] / lift[1] ** 2 / precision
    sign = 1 if higher_is_better else -1
    return Posterior(
        mean,
        deviation,
        float(stats.norm.sf(-sign * mean / deviation)),
        float(stats.norm.sf((-margin - sign * mean) / deviation)),
    )
