"""The same prompts answered by both arms: pairs, whose common difficulty cancels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from scipy import stats

from llm_analytics.statistics.pivot import Comparison, compare
from llm_analytics.statistics.sums import Estimate, Number, Sums


def compare_paired(
    pairs: Iterable[tuple[Number, Number]],
    clusters: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> Comparison | None:
    """Pairs of (control, treatment); None below two clusters.

    Without clusters its p is that of the paired t test (Student, 1908). With them, several answers
    to one prompt count as one cluster: ratio of totals with variances and covariance by the delta
    method (Miller, 2024, Adding error bars to evals, section 3.2). Degrees are clusters - 1.
    """
    given = list(pairs)
    names = range(len(given)) if clusters is None else clusters
    totals: dict[Hashable, list[Number]] = {}
    for name, (control, treatment) in zip(names, given, strict=True):
        total = totals.setdefault(name, [0, 0, 0, 0])
        exact = Sums.make(1, (treatment, 1, control, 1), (0,) * 10).firsts
        for place in range(4):
            total[place] = exact[place] + total[place]  # type: ignore[operator]
    # The control takes the place of "before": the covariance of the arms is that of CUPED.
    sums = Sums.of_units(totals.values())
    treated, plain = sums.ratio(0, 1), sums.ratio(2, 3)
    if sums.n < 2 or treated is None or plain is None:
        return None
    n = sums.n
    return compare(
        Estimate(float(plain), float(sums.spread(2, 3, 2, 3) / n), n - 1, n),
        Estimate(float(treated), float(sums.spread(0, 1, 0, 1) / n), n - 1, n),
        alpha,
        degrees=n - 1,
        covariance=float(sums.spread(0, 1, 2, 3) / n),
    )


@dataclass(frozen=True)
class McNemar:
    """Pairs that differ: only control right, only treatment right; p exact and two-sided."""

    only_control: int
    only_treatment: int
    p_value: float


def mcnemar(pairs: Iterable[tuple[Number, Number]]) -> McNemar:
    """Of pairs of 0 or 1. Source: McNemar (1947); exact by the binomial of the pairs that differ.

    Raises ValueError for another value.
    """
    only_control = only_treatment = 0
    for control, treatment in pairs:
        if control not in (0, 1) or treatment not in (0, 1):
            raise ValueError("McNemar's test needs 0 or 1")
        only_control += control > treatment
        only_treatment += treatment > control
    n = only_control + only_treatment
    tail = float(stats.binom.cdf(min(only_control, only_treatment), n, 0.5)) if n else 1.0
    return McNemar(only_control, only_treatment, min(1.0, 2 * tail))
