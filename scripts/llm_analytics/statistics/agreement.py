"""How far raters agree beyond chance, from counts of pairs of verdicts.

A thing that m raters judged makes m (m - 1) / 2 pairs. Every figure here follows from how often
each pair of verdicts was given, so that nothing needs the ratings themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


class Level(StrEnum):
    """What two different verdicts have to do with each other."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Weights(StrEnum):
    """What two different verdicts of an ordered scale cost: all the same, steps, or squares."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


@dataclass(frozen=True)
class Agreement:
    """Agreement beyond chance: 1 is perfect, 0 is that of chance.

    `n_things` were judged; `observed` is the share of agreement (weighted, where weights are).
    `low` and `high` bound the value; NaN where there is too little to bound it.
    """

    value: float
    error: float
    low: float
    high: float
    observed: float
    n_things: float


def _bounded(value: float, error: float, observed: float, n: float, level: float) -> Agreement:
    half = float(stats.norm.isf((1 - level) / 2)) * error
    return Agreement(
        value, error, max(-1.0, value - half), min(1.0, value + half), observed, n
    )  # fmt: skip


def _agreement_weights(k: int, weights: Weights) -> Floats:
    """1 on the diagonal, less the further two of k ordered verdicts are apart."""
    if weights is Weights.NONE or k == 1:
        return np.eye(k)
    steps = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    return np.asarray(1 - (steps if weights is Weights.LINEAR else steps**2), dtype=np.float64)


def cohen_kappa(
    table: Sequence[Sequence[int]] | Floats,
    weights: Weights = Weights.NONE,
    level: float = 0.95,
) -> Agreement | None:
    """Cohen's kappa of two raters; None where both give one and the same verdict, or nothing.

    `table[i][j]` counts the things of which the first rater says verdict i and the second j; with
    weights, verdicts stand in their order. Source: Cohen (1960), weighted (1968); standard error
    by Fleiss, Cohen and Everitt (1969), eq. 13 and 15. Raises ValueError if the table is not
    square or has a count below 0.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise ValueError("counts of two raters make a square table without negative counts")
    n = float(counts.sum())
    if n == 0:
        return None
    shares = counts / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    w = _agreement_weights(len(counts), weights)
    observed, expected = float((w * shares).sum()), float((w * np.outer(rows, columns)).sum())
    if expected >= 1:
        return None
    kappa = (observed - expected) / (1 - expected)
    # w_i. and w_.j of the paper: the mean weight of a row by the other rater's shares, and so on.
    row_means, column_means = w @ columns, rows @ w
    spread = (w - np.add.outer(row_means, column_means) * (1 - kappa)) ** 2
    variance = (
        float((shares * spread).sum()) - (kappa - expected * (1 - kappa)) ** 2
    ) / (n * (1 - expected) ** 2)  # fmt: skip
    return _bounded(kappa, math.sqrt(max(variance, 0.0)), observed, n, level)


@dataclass(frozen=True)
class Pair:
    """Two verdicts, by position in the scale, on a thing that `n_raters` judged in all.

    Raises ValueError below two raters.
    """

    one: int
    other: int
    n_raters: int = 2

    def __post_init__(self) -> None:
        if self.n_raters < 2:
            raise ValueError("two verdicts have two raters at least")

    @property
    def n_pairs(self) -> int:
        """How many pairs the thing makes."""
        return self.n_raters * (self.n_raters - 1) // 2


def _distances(level: Level, margins: Floats, values: Floats) -> Floats:
    """Squared distance of each two verdicts. Source: Krippendorff (2011), section E."""
    k = len(margins)
    if level is Level.NOMINAL:
        return np.ones((k, k)) - np.eye(k)
    if level is Level.INTERVAL:
        return np.asarray(np.subtract.outer(values, values) ** 2, dtype=np.float64)
    # Ordinal: the verdicts given between the two, and half of each of the two.
    middles = np.cumsum(margins) - margins / 2
    return np.asarray(np.subtract.outer(middles, middles) ** 2, dtype=np.float64)


def _alpha(coincidences: Floats, level: Level, values: Floats) -> float | None:
    """Alpha of a table of coincidences; None where no two verdicts differ."""
    margins = coincidences.sum(axis=1)
    n = float(margins.sum())
    apart = _distances(level, margins, values)
    expected = float((np.outer(margins, margins) * apart).sum())
    if n <= 1 or expected <= 0:
        return None
    return 1 - (n - 1) * float((coincidences * apart).sum()) / expected


def krippendorff_alpha(
    pairs: Mapping[Pair, int],
    n_verdicts: int,
    nature: Level = Level.NOMINAL,
    values: Sequence[float] | None = None,
    level: float = 0.95,
) -> Agreement | None:
    """Krippendorff's alpha of any number of raters; None where no two verdicts differ.

    `pairs` counts the pairs of verdicts; verdicts stand in their order where `nature` is ordinal,
    and have `values` (their position by default) where it is interval. Source: Krippendorff (2011),
    Computing Krippendorff's alpha-reliability, section C. The error is that of a jackknife over
    things (Efron and Stein, 1981); the pairs of a thing that more than two judged are taken to
    differ from chance together, which makes the interval too wide rather than too narrow. Raises
    ValueError for a verdict out of the scale or a negative count.
    """
    scale = np.asarray(range(n_verdicts) if values is None else values, dtype=np.float64)
    if len(scale) != n_verdicts:
        raise ValueError(f"{n_verdicts} verdicts have {n_verdicts} values, not {len(scale)}")
    total = np.zeros((n_verdicts, n_verdicts))
    shares: list[tuple[Pair, int, Floats]] = []
    for pair, count in pairs.items():
        if count < 0 or not 0 <= min(pair.one, pair.other) <= max(pair.one, pair.other) < (
            n_verdicts
        ):
            raise ValueError(f"not a count of verdicts: {count} of {pair}")
        share = np.zeros_like(total)
        share[pair.one, pair.other] += 1 / (pair.n_raters - 1)
        share[pair.other, pair.one] += 1 / (pair.n_raters - 1)
        total += count * share
        if count:
            shares.append((pair, count, share))
    value = _alpha(total, nature, scale)
    if value is None:
        return None
    n_things = sum(count / pair.n_pairs for pair, count, _ in shares)
    observed = float(np.trace(total) / total.sum())
    error = _jackknife(
        lambda left_out: _alpha(total - left_out, nature, scale), value, shares, n_things
    )
    return _bounded(value, error, observed, n_things, level)


def _jackknife(
    without: Callable[[Floats], float | None],
    value: float,
    shares: Sequence[tuple[Pair, int, Floats]],
    n_things: float,
) -> float:
    """Standard error from what the value is without one thing; NaN where that is not known.

    A thing of several pairs moves it by no more than its pairs do together, and the square of a sum
    of k terms is at most k times the sum of their squares.
    """
    if n_things < 2:
        return math.nan
    squares = 0.0
    for pair, count, share in shares:
        found = without(share)
        if found is None:
            return math.nan
        squares += count * pair.n_pairs * (found - value) ** 2
    return math.sqrt((n_things - 1) / n_things * squares)
