"""Makes values harmless in files that other programs open: cells of CSV, text in HTML."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

# What makes a spreadsheet read a cell as a formula. Source: OWASP, CSV Injection.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # noqa: RUF001


def csv_cell(value: Any) -> Any:
    """A value as a cell: a text that a spreadsheet would run gets a leading apostrophe.

    Numbers stay numbers, negative ones too. NUL, which ends a cell for some readers, is removed.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows below a header, every cell made harmless."""
    writer = csv.writer(file)
    writer.writerow([csv_cell(name) for name in columns])
    writer.writerows([csv_cell(value) for value in row] for row in rows)


def html_text(value: Any) -> str:
    """A value as text of an HTML page or of a quoted attribute: it brings no markup."""
    return "" if value is None else html.escape(str(value).replace("\0", ""), quote=True)
