"""Does the effect differ between segments? Asked before any single segment is believed."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats


def cochran_q(effects: Sequence[float], errors: Sequence[float]) -> tuple[float, float] | None:
    """Q and its p: do independent effects differ by more than their standard errors explain?

    None below two effects with an error. Source: Cochran (1954); χ² with k - 1 degrees.
    """
    pairs = [(x, se) for x, se in zip(effects, errors, strict=True) if se > 0]
    if len(pairs) < 2:
        return None
    weights = [1 / se**2 for _, se in pairs]
    mean = sum(w * x for w, (x, _) in zip(weights, pairs, strict=True)) / sum(weights)
    q = sum(w * (x - mean) ** 2 for w, (x, _) in zip(weights, pairs, strict=True))
    return q, float(stats.chi2.sf(q, len(pairs) - 1))
