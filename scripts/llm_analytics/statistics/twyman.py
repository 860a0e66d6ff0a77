"""Twyman's law: any figure that looks interesting is probably wrong."""

from __future__ import annotations

from llm_analytics.statistics.pivot import Comparison

#: Real changes of a product do not reach this many standard errors.
LARGEST_STATISTIC = 8.0
#: One unit must not be more than half of a metric.
LARGEST_SHARE = 0.5


def is_too_good(comparison: Comparison) -> bool:
    """Is the difference larger than real changes are? Source: Kohavi et al. (2020), chapter 3."""
    return abs(comparison.statistic) > LARGEST_STATISTIC


def is_one_unit(total: float, largest: float) -> bool:
    """Is one unit more than half of an arm's total?"""
    return total > 0 and largest > LARGEST_SHARE * total


def is_at_maximum(value: float, largest: float) -> bool:
    """Is a quantile the largest value itself, such as a timeout that cuts all others off?"""
    return value >= largest
