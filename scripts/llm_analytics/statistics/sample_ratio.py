"""Did the arms get the units that they were meant to get? If not, nothing may be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

#: Strict, because every experiment is tested on every build. Source: Kohavi, Tang, Xu (2020).
ALPHA = 0.0005


@dataclass(frozen=True)
class SampleRatio:
    """`p_value` is None where there is nothing to test: one arm alone, or no units."""

    p_value: float | None
    is_mismatch: bool
    reason: str | None


def sample_ratio(
    observed: Mapping[str, int], weights: Mapping[str, float], alpha: float = ALPHA
) -> SampleRatio:
    """χ² of the units per arm against the planned weights, over arms whose weight is positive.

    A unit in an arm of weight zero (or of no weight) is a mismatch, and so is an arm that expects
    units and has none while others have. Source: Fabijan et al. (2019), Diagnosing sample ratio
    mismatch. Raises ValueError for a negative weight.
    """
    if any(weight < 0 for weight in weights.values()):
        raise ValueError("weights cannot be negative")
    planned = {arm: weight for arm, weight in weights.items() if weight > 0}
    strays = sorted(arm for arm, n in observed.items() if n > 0 and arm not in planned)
    if strays:
        return SampleRatio(0.0, True, f"units in arms that expect none: {', '.join(strays)}")
    counts = [observed.get(arm, 0) for arm in planned]
    total = sum(counts)
    if total == 0 or len(planned) < 2:
        return SampleRatio(None, False, None)
    empty = sorted(arm for arm, n in zip(planned, counts, strict=True) if n == 0)
    if empty:
        return SampleRatio(0.0, True, f"no units in: {', '.join(empty)}")
    whole = sum(planned.values())
    expected = [total * weight / whole for weight in planned.values()]
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    p_value = float(stats.chi2.sf(statistic, len(planned) - 1))
    is_mismatch = p_value < alpha
    return SampleRatio(
        p_value, is_mismatch, "the arms' sizes differ from the plan" if is_mismatch else None
    )
