"""Comparisons of a file instead of a warehouse: two columns, counts of arms, or paired rows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.statistics.paired import McNemar, compare_paired, mcnemar
from llm_analytics.statistics.pivot import Comparison, compare
from llm_analytics.statistics.proportions import Counts, compare_proportions
from llm_analytics.statistics.sums import Sums, estimate

_FORMS = (
    "columns control,treatment (pairs; cluster is optional), variant,value (one row per unit),"
    " or variant,units,successes (counts)"
)


@dataclass(frozen=True)
class OfflineResult:
    """What was read and how it was tested; `n_skipped` rows lacked a value."""

    form: str
    test: str
    control: str
    treatment: str
    comparison: Comparison
    mcnemar: McNemar | None
    n_skipped: int


def compare_file(file: Path, alpha: float = 0.05, *, is_paired: bool = True) -> OfflineResult:
    """Compares the two arms of a CSV file.

    Rows with an empty value are skipped and counted. Raises LlmAnalyticsError, with the line, for a
    value that is no number, and for a file that is none of the forms.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            rows = list(reader)
            header = [name.strip() for name in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LlmAnalyticsError(f"{file}: cannot be read: {error}") from error
    rows = [{(key or "").strip(): value for key, value in row.items()} for row in rows]
    if {"control", "treatment"} <= set(header):
        return _columns(file, rows, "cluster" in header, alpha, is_paired)
    if {"variant", "units", "successes"} <= set(header):
        return _counts(file, rows, alpha)
    if {"variant", "value"} <= set(header):
        return _units(file, rows, alpha)
    raise LlmAnalyticsError(f"{file}: needs {_FORMS}; it has: {', '.join(header) or 'nothing'}")


def _value(file: Path, line: int, text: str | None) -> Decimal | None:
    """A number, None where the cell is empty."""
    if text is None or not text.strip() or text.strip().lower() in ("null", "nan", "na"):
        return None
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise LlmAnalyticsError(f"{file}:{line}: {text!r} is no number") from error
    if not value.is_finite():
        raise LlmAnalyticsError(f"{file}:{line}: {text!r} is no number")
    return value


def _columns(
    file: Path, rows: Sequence[dict[str, str]], has_clusters: bool, alpha: float, is_paired: bool
) -> OfflineResult:
    pairs: list[tuple[Decimal, Decimal]] = []
    clusters: list[str] = []
    arms: tuple[list[Decimal], list[Decimal]] = ([], [])
    skipped = 0
    for line, row in enumerate(rows, start=2):
        control, treatment = (_value(file, line, row.get(a)) for a in ("control", "treatment"))
        for arm, value in zip(arms, (control, treatment), strict=True):
            if value is not None:
                arm.append(value)
        if control is None or treatment is None:
            skipped += 1
            continue
        pairs.append((control, treatment))
        clusters.append((row.get("cluster") or "").strip() or f"line {line}")
    if not is_paired:
        return _arms(file, "two columns", ("control", "treatment"), arms, alpha, 0)
    found = compare_paired(pairs, clusters if has_clusters else None, alpha)
    if found is None:
        raise LlmAnalyticsError(f"{file}: at least two pairs (or clusters) are needed")
    is_binary = all(value in (0, 1) for pair in pairs for value in pair)
    return OfflineResult(
        "pairs",
        "paired, clustered" if has_clusters else "paired t",
        "control",
        "treatment",
        found,
        mcnemar(pairs) if is_binary and not has_clusters else None,
        skipped,
    )


def _arms(
    file: Path,
    form: str,
    names: tuple[str, str],
    arms: tuple[Sequence[Decimal], Sequence[Decimal]],
    alpha: float,
    skipped: int,
) -> OfflineResult:
    sums = [Sums.of_units([(x, 1, 0, 0) for x in arm]) for arm in arms]
    found = [estimate(arm) for arm in sums]
    if found[0] is None or found[1] is None:
        raise LlmAnalyticsError(f"{file}: each arm needs at least two values")
    if all(arm.is_binary for arm in sums):
        counts = [Counts(int(arm.firsts[0]), arm.n) for arm in sums]
        comparison, test = compare_proportions(counts[0], counts[1], alpha), "score test"
    else:
        comparison, test = compare(found[0], found[1], alpha), "Welch's t"
    return OfflineResult(form, test, names[0], names[1], comparison, None, skipped)


def _two(file: Path, names: Sequence[str]) -> tuple[str, str]:
    """Control and treatment: the arm called control first, else the order of the file."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) != 2:
        raise LlmAnalyticsError(f"{file}: needs two variants; it has: {', '.join(distinct)}")
    if distinct[1].lower() == "control":
        distinct.reverse()
    return distinct[0], distinct[1]


def _units(file: Path, rows: Sequence[dict[str, str]], alpha: float) -> OfflineResult:
    values: dict[str, list[Decimal]] = {}
    skipped = 0
    for line, row in enumerate(rows, start=2):
        arm = values.setdefault((row.get("variant") or "").strip(), [])
        value = _value(file, line, row.get("value"))
        if value is None:
            skipped += 1
        else:
            arm.append(value)
    names = _two(file, list(values))
    return _arms(file, "units", names, (values[names[0]], values[names[1]]), alpha, skipped)


def _counts(file: Path, rows: Sequence[dict[str, str]], alpha: float) -> OfflineResult:
    counts: dict[str, Counts] = {}
    for line, row in enumerate(rows, start=2):
        units, successes = (_value(file, line, row.get(name)) for name in ("units", "successes"))
        if units is None or successes is None or units % 1 or successes % 1:
            raise LlmAnalyticsError(f"{file}:{line}: units and successes are whole numbers")
        name = (row.get("variant") or "").strip()
        if name in counts:
            raise LlmAnalyticsError(f"{file}:{line}: {name} is there twice")
        try:
            counts[name] = Counts(int(successes), int(units))
        except ValueError as error:
            raise LlmAnalyticsError(f"{file}:{line}: {error}") from error
    names = _two(file, list(counts))
    comparison = compare_proportions(counts[names[0]], counts[names[1]], alpha)
    return OfflineResult("counts", "score test", names[0], names[1], comparison, None, 0)
