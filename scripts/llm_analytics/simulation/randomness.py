"""Random streams: one per concern, so that a change in one leaves the draws of others alone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: One array per column, all of the same length.
Columns: TypeAlias = dict[str, NDArray[Any]]
Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

_MASK = (1 << 64) - 1


class Randomness:
    """Independent generators (PCG64) that are all derived from one seed by name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> np.random.Generator:
        """Generator of a concern: the same seed and name give the same draws."""
        key = zlib.crc32(name.encode())
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, key])))

    def ids(self, name: str, numbers: NDArray[Any]) -> NDArray[np.uint64]:
        """Ids that look random and are distinct for distinct numbers (a bijection on 64 bits)."""
        salt = (
            self.seed * 0x9E3779B97F4A7C15 + zlib.crc32(name.encode()) * 0xD1B54A32D192ED03
        ) & _MASK
        value = numbers.astype(np.uint64) + np.uint64(salt)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def choose(
    rng: np.random.Generator, weights: Sequence[float] | NDArray[np.float64], size: int
) -> Integers:
    """Draw `size` indices with probabilities proportional to `weights`."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    result: Integers = np.minimum(drawn, len(edges) - 1).astype(np.int64)
    return result


def take(table: Columns, rows: NDArray[Any]) -> Columns:
    """The given rows of a table, in that order; `rows` holds indices or says which to keep."""
    return {name: values[rows] for name, values in table.items()}


def stack(tables: Sequence[Columns]) -> Columns:
    """Tables of the same columns under each other."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def n_rows(table: Columns) -> int:
    """Number of rows of a table."""
    return len(next(iter(table.values())))
