"""The dated price list, `seeds/model_prices.csv`: read, changed at a day, written back whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llm_analytics.errors import LlmAnalyticsError

#: The token classes that have a price, in the order of the list's columns.
CLASSES = ("input", "cache_read", "cache_write", "output")
COLUMNS = (
    "provider", "model", "match", "valid_from", "valid_to",
    *(f"{name}_usd_per_million" for name in CLASSES), "source",
)  # fmt: skip
_MICRO = Decimal("0.000001")

#: USD per million tokens of each class; None is not known, 0 is free.
Price = tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]


@dataclass(frozen=True, order=True)
class Name:
    """What a row prices: a model's name, or the beginning of names (match prefix)."""

    provider: str
    model: str
    match: str


@dataclass(frozen=True)
class Row:
    """One price of one name over [valid_from, valid_to) in UTC dates; no valid_to is until now."""

    name: Name
    valid_from: date
    valid_to: date | None
    price: Price
    source: str

    def covers(self, day: date) -> bool:
        """Does the price apply to calls of this day?"""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def to_price(cells: Iterable[Decimal | None]) -> Price:
    """Four prices rounded to the list's six decimals."""
    first, second, third, fourth = (
        None if cell is None else cell.quantize(_MICRO).normalize() for cell in cells
    )
    return first, second, third, fourth


def in_figures(cell: Decimal | None) -> str:
    """A price as the list writes it: no exponent, no zeros at the end; empty if not known."""
    return "" if cell is None else f"{cell:f}"


def read_price_list(path: Path) -> list[Row]:
    """The rows of a price list. Raises LlmAnalyticsError, with the line, if it is not one."""
    line = 1
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise LlmAnalyticsError(f"{path} is not a price list: its columns are not those")
            rows = []
            for cells in reader:
                line = reader.line_num
                rows.append(_row(cells))
            return rows
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, InvalidOperation, TypeError, AttributeError, csv.Error) as error:
        raise LlmAnalyticsError(f"{path}, line {line}: not a price: {error}") from error


def write_price_list(path: Path, rows: Iterable[Row]) -> None:
    """Write the list, sorted by name and day; it appears whole or not at all.

    Raises LlmAnalyticsError if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    order = sorted(rows, key=lambda row: (row.name.provider, row.name.model, row.valid_from))
    for row in order:
        writer.writerow([
            row.name.provider, row.name.model, row.name.match,
            row.valid_from, row.valid_to or "", *map(in_figures, row.price), row.source,
        ])  # fmt: skip
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text.getvalue(), encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        raise LlmAnalyticsError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def with_price(rows: list[Row], change: Row) -> list[Row]:
    """The rows of one name with a price that begins on a day.

    The row that covers the day ends there, and the new one takes over until its end: nothing of
    what was known before that day is lost.
    """
    result = []
    valid_to = change.valid_to
    for row in rows:
        if row.covers(change.valid_from) and row.valid_from < change.valid_from:
            valid_to = row.valid_to
            result.append(replace(row, valid_to=change.valid_from))
        else:
            result.append(row)
    return [*result, replace(change, valid_to=valid_to)]


def _row(cells: dict[str, str]) -> Row:
    """Reads one line of the list."""
    return Row(
        Name(cells["provider"], cells["model"], cells["match"]),
        date.fromisoformat(cells["valid_from"]),
        date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
        to_price(
            Decimal(cells[f"{name}_usd_per_million"]) if cells[f"{name}_usd_per_million"] else None
            for name in CLASSES
        ),
        cells["source"],
    )
