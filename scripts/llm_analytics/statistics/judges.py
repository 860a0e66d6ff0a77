"""Rates that a judge reports, corrected by how the judge errs against humans."""

from __future__ import annotations

from dataclasses import dataclass

from llm_analytics.statistics.sums import Estimate


@dataclass(frozen=True)
class Confusion:
    """A judge against human labels, for the answers of one arm. Raises ValueError below zero.

    For one arm alone: a judge that favours one model errs differently on each.
    """

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    def __post_init__(self) -> None:
        counts = (
            self.true_positives, self.false_negatives, self.true_negatives, self.false_positives,
        )  # fmt: skip
        if min(counts) < 0:
            raise ValueError("counts cannot be negative")


def corrected_rate(
    positives: int, n: int, confusion: Confusion, clustered: Estimate | None = None
) -> Estimate | None:
    """The true rate behind a judge's; None where the judge tells nothing, or was never checked.

    θ = (p + specificity - 1) / (sensitivity + specificity - 1); not cut off at 0 and 1, so that a
    difference of two stays unbiased. Source: Rogan and Gladen (1978); variance, with that of the
    judge's own rates, by the delta method as Lang and Reiczigel (2014), eq. 4. Degrees of freedom
    are those of the smallest of the three samples. `clustered` gives the judge's rate a variance
    by units, where a unit has several answers. Raises ValueError if not 0 <= positives <= n.
    """
    if not 0 <= positives <= n:
        raise ValueError(f"not a rate: {positives} of {n}")
    bad = confusion.true_negatives + confusion.false_positives
    good = confusion.true_positives + confusion.false_negatives
    if n < 2 or good < 2 or bad < 2:
        return None
    rate = positives / n
    sensitivity, specificity = confusion.true_positives / good, confusion.true_negatives / bad
    informedness = sensitivity + specificity - 1
    if informedness <= 0:
        return None
    value = (rate + specificity - 1) / informedness
    own = rate * (1 - rate) / n if clustered is None else clustered.variance
    units = n if clustered is None else clustered.n
    variance = (
        own
        + value**2 * sensitivity * (1 - sensitivity) / good
        + (1 - value) ** 2 * specificity * (1 - specificity) / bad
    ) / informedness**2
    return Estimate(value, variance, min(units, good, bad) - 1, units)
