"""Looking before the end without fooling oneself: other critical values for the same pivot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Masses = NDArray[np.float64]


def spent(fraction: float, alpha: float = 0.05) -> float:
    """Type I error spent by an information fraction, both sides together.

    O'Brien-Fleming-type spending on each side. Source: Lan and DeMets (1983), α₁*.
    """
    if fraction <= 0:
        return 0.0
    z = stats.norm.isf(alpha / 4)
    return float(4 * stats.norm.sf(z / math.sqrt(min(fraction, 1.0))))


def _excess(
    z: float, grid: Masses, density: Masses, root: float, step: float, side: float
) -> float:
    """Chance of crossing the upper bound now, not having crossed any before, over `side`."""
    return float(np.sum(density * stats.norm.sf((z * root - grid) / step))) - side


def group_sequential_bounds(fractions: Sequence[float], alpha: float = 0.05) -> list[float]:
    """Critical values at the looks taken so far, two-sided and symmetric.

    `fractions` are the shares of the planned information at each look, rising, at most 1. The
    joint distribution is integrated from look to look. Source: Armitage, McPherson, Rowe (1969);
    Jennison and Turnbull (2000), chapter 19. Raises ValueError for other fractions.
    """
    if (
        not fractions
        or any(b <= a for a, b in zip((0.0, *fractions[:-1]), fractions, strict=True))
        or fractions[-1] > 1
    ):
        raise ValueError("looks must be rising shares of the planned information, at most 1")
    bounds: list[float] = []
    grid, density = np.zeros(1), np.ones(1)
    before = 0.0
    already = 0.0
    for fraction in fractions:
        step = math.sqrt(fraction - before)
        side = (spent(fraction, alpha) - already) / 2
        root = math.sqrt(fraction)

        # Nothing to spend that a float could hold: nothing is rejected at this look.
        bound = 38.0
        if side > 0:
            solve = partial(_excess, grid=grid, density=density, root=root, step=step, side=side)
            bound = float(optimize.brentq(solve, 0.0, 38.0, xtol=1e-12))
        bounds.append(bound)
        # The density of the paths that go on, as masses on a Simpson grid of 1201 points.
        limit = min(bound, 12.0) * root
        points = np.linspace(-limit, limit, 1201)
        weights = np.full(1201, 2.0)
        weights[1::2] = 4.0
        weights[0] = weights[-1] = 1.0
        weights *= (points[1] - points[0]) / 3
        heights = stats.norm.pdf((points[:, None] - grid[None, :]) / step) / step @ density
        grid, density = points, heights * weights
        before, already = fraction, spent(fraction, alpha)
    return bounds


def _rho(alpha: float, tuned_for: float) -> float:
    """The mixture's scale that makes the interval narrowest at n = tuned_for."""
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuned_for)


def always_valid_critical(n: float, tuned_for: float, alpha: float = 0.05) -> float:
    """Critical value that holds at all looks at once, planned or not.

    `n` is the number of units of both arms; the interval is narrowest when it equals `tuned_for`.
    Source: Waudby-Smith et al. (2021), arXiv:2103.06476, eq. 23; Howard et al. (2021), eq. 14.
    """
    rho2 = _rho(alpha, tuned_for) ** 2
    scaled = n * rho2 + 1
    return math.sqrt(2 * scaled / (n * rho2) * math.log(math.sqrt(scaled) / alpha))


def always_valid_p(statistic: float, n: float, tuned_for: float, alpha: float = 0.05) -> float:
    """p-value of the same sequence: below alpha exactly where the interval excludes zero.

    Source: the e-value of the normal mixture, Waudby-Smith et al. (2021), appendix B.
    """
    scaled = n * _rho(alpha, tuned_for) ** 2 + 1
    exponent = 0.5 * math.log(scaled) - (scaled - 1) / scaled * statistic**2 / 2
    return min(1.0, math.exp(min(exponent, 0.0)))
