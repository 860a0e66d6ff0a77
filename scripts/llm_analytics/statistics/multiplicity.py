"""p-values of several questions asked at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that the chance of any false discovery stays at alpha. Source: Holm (1979)."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(m)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (m - place) * p_values[index]))
        adjusted[index] = highest
    return [float(p) for p in adjusted]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that the expected share of false discoveries stays at alpha.

    Source: Benjamini and Hochberg (1995).
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(m)
    lowest = 1.0
    for place in range(m - 1, -1, -1):
        index = order[place]
        lowest = min(lowest, p_values[index] * m / (place + 1))
        adjusted[index] = lowest
    return [float(p) for p in adjusted]
