"""Figures as the tests recompute them, in plain Python and exactly."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import TypeVar

Number = TypeVar("Number", int, Decimal)


def nearest_rank(values: Iterable[Number], share: str) -> Number:
    """The smallest value that at least that share of the values do not exceed, e.g. "0.95"."""
    ordered = sorted(values)
    return ordered[max(ceil(Fraction(share) * len(ordered)), 1) - 1]
