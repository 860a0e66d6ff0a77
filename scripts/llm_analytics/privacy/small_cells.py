"""Withholds figures about few, and as many others as it takes that none can be computed back.

The reader of a table is taken to know every sum over it too (over one dimension, over several, the
grand total), unless that sum is withheld like a cell. Each sum is the sum of its parts: what can
be computed back is what these equations pin down, so that question is put to them, as a linear
programme. Reference: Hundepool et al. (2012), Statistical Disclosure Control, chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import linprog

#: Stands for all values of a dimension in the key of a sum.
ALL = "*all*"
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Suppression:
    """What must not be published.

    small: places of the rows that are under the minimum; rows: those and the ones that hide them;
    totals: sums, as the values of the dimensions in order with ALL for those that are summed over.
    """

    small: frozenset[int]
    rows: frozenset[int]
    totals: frozenset[Key]


@dataclass(frozen=True)
class _Sum:
    """A sum and its parts."""

    whole: Key
    parts: tuple[Key, ...]

    def members(self) -> Iterator[Key]:
        yield from self.parts
        yield self.whole


class _Cube:
    """The cells of a table, all sums over them, and what is withheld of both."""

    def __init__(self, cells: Mapping[Key, int], minimum: int) -> None:
        self.minimum = minimum
        self.counts: dict[Key, int] = {}
        parts: dict[Key, list[dict[Key, None]]] = {}
        for cell, count in cells.items():
            for mask in product((False, True), repeat=len(cell)):
                key = _masked(cell, mask)
                self.counts[key] = self.counts.get(key, 0) + count
                below = parts.setdefault(key, [{} for _ in range(sum(mask))])
                dims = [number for number, is_summed in enumerate(mask) if is_summed]
                for place, dim in enumerate(dims):
                    below[place][(*key[:dim], cell[dim], *key[dim + 1 :])] = None
        self.sums = [_Sum(key, tuple(one)) for key, each in parts.items() for one in each]
        self.about: dict[Key, list[_Sum]] = {key: [] for key in self.counts}
        for one in self.sums:
            for key in one.members():
                self.about[key].append(one)
        self.withheld = {key for key, count in self.counts.items() if 0 < count < minimum}

    def hide(self, key: Key) -> None:
        """Withholds more until `minimum` is among the values that this cell may have."""
        while not self._may_be_large(key):
            if not self._hide_in_tight_sums(key):
                _, sums = self._component(key)
                self.withheld.add(self._cheapest(sums))

    def _hide_in_tight_sums(self, key: Key) -> bool:
        is_changed = False
        for one in self.about[key]:
            hidden = [part for part in one.parts if part in self.withheld]
            if key == one.whole:
                is_tight = not hidden
            else:
                slack = sum(self.counts[part] - 1 for part in hidden)
                is_tight = one.whole not in self.withheld and slack < self.minimum - 1
            if is_tight and any(self._open([one])):
                self.withheld.add(self._cheapest([one]))
                is_changed = True
        return is_changed

    def _open(self, sums: Sequence[_Sum]) -> Iterator[Key]:
        """Cells of sums that could be withheld yet; 0 is known to be about nobody."""
        for one in sums:
            for key in one.members():
                if key not in self.withheld and self.counts[key] > 0:
                    yield key

    def _cheapest(self, sums: Sequence[_Sum]) -> Key:
        """Of the cells that could be withheld the one that is missed least: detail, then small."""
        order = {key: n for n, key in enumerate(self.counts)}
        return min(self._open(sums), key=lambda key: (key.count(ALL), self.counts[key], order[key]))

    def _component(self, key: Key) -> tuple[list[Key], list[_Sum]]:
        """The withheld cells and the sums that tell anything about one of the cells."""
        cells = {key: None}
        sums: dict[_Sum, None] = {}
        pending = [key]
        while pending:
            for one in self.about[pending.pop()]:
                if one not in sums:
                    sums[one] = None
                    fresh = [k for k in one.members() if k in self.withheld and k not in cells]
                    cells |= dict.fromkeys(fresh)
                    pending += fresh
        return list(cells), list(sums)

    def _may_be_large(self, key: Key) -> bool:
        """Whether what is known allows `minimum` in this cell; what is withheld is at least 1."""
        cells, sums = self._component(key)
        column = {cell: number for number, cell in enumerate(cells)}
        factors = np.zeros((len(sums), len(cells)))
        known = np.zeros(len(sums))
        for row, one in enumerate(sums):
            for member in one.members():
                sign = -1 if member == one.whole else 1
                if member in column:
                    factors[row, column[member]] = sign
                else:
                    known[row] -= sign * self.counts[member]
        aim = np.zeros(len(cells))
        aim[column[key]] = -1
        best = linprog(aim, A_eq=factors, b_eq=known, bounds=(1, None), method="highs")
        if best.fun is None:  # unbounded: the equations hold for what was counted
            return True
        return bool(-best.fun >= self.minimum - 1e-6)


def _masked(cell: Key, mask: Sequence[bool]) -> Key:
    return tuple(ALL if out else value for value, out in zip(cell, mask, strict=True))


def find_small_cells(
    rows: Sequence[Mapping[str, Any]],
    dims: Sequence[str],
    count: str,
    minimum: int,
) -> Suppression:
    """What to withhold so that no count from 1 to `minimum` - 1 can be told from a larger one.

    `rows` are the cells of one table of counts, each combination of `dims` at most once, without
    rows for totals. A count of 0 or NULL is about nobody and stays. For every small cell and sum,
    some table with the same published cells and sums has `minimum` or more in its place.

    Raises ValueError if a combination occurs twice, a count is negative or `minimum` is below 1.
    """
    if minimum < 1:
        raise ValueError("minimum must be at least 1")
    keys = [tuple(row[dim] for dim in dims) for row in rows]
    if len(set(keys)) < len(keys):
        raise ValueError(f"two rows have the same {', '.join(dims)}")
    cells = {key: int(row[count] or 0) for key, row in zip(keys, rows, strict=True)}
    if any(number < 0 for number in cells.values()):
        raise ValueError(f"{count} is negative")
    cube = _Cube(cells, minimum)
    for key in sorted(cube.withheld, key=lambda key: -cube.counts[key]):
        cube.hide(key)
    return Suppression(
        frozenset(place for place, key in enumerate(keys) if 0 < cells[key] < minimum),
        frozenset(place for place, key in enumerate(keys) if key in cube.withheld),
        frozenset(key for key in cube.withheld if ALL in key),
    )


def suppressed(
    rows: Sequence[Mapping[str, Any]],
    dims: Sequence[str],
    count: str,
    minimum: int,
    keep: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The rows as they may be published: all figures of a withheld one are None.

    `dims` tell the cells of one table apart: cells that add up to a sum which may be known, from
    this mart or another (those of one date and metric over the values of a breakdown: call it once
    for each date and metric). `count` is what the figures of a row are about, users where there is
    a count of them, else events. What stays of a withheld row is `dims` and the columns that `keep`
    names (labels that say nothing about a user). Each row gains `is_suppressed`.

    Where a sum over the rows is itself under the minimum it must not be published either:
    `find_small_cells(...).totals` names it. Raises ValueError as `find_small_cells` does.
    """
    withheld = find_small_cells(rows, dims, count, minimum).rows
    stays = {*dims, *keep}
    published = []
    for place, row in enumerate(rows):
        is_withheld = place in withheld
        shown = {k: v if k in stays or not is_withheld else None for k, v in row.items()}
        published.append({**shown, "is_suppressed": is_withheld})
    return published
