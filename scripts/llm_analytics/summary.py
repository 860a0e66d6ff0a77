"""`llm-analytics summary`: the headline metrics of the marts, for people and for machines."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.marts import read_mart

_NEXT_STEPS = """\
What next
  llm-analytics status           what is loaded, and which metrics it supports
  llm-analytics load PATH…       load your own events: docs/loading.md
  docs/extending.md              add a metric of your own in ten minutes"""


def format_value(value: float | None, unit: str) -> str:
    """A value as people read it; an em dash where it is not known.

    Units as the mart names them: shares are shown in per cent, milliseconds in seconds, anything
    but US dollars as a plain number.
    """
    if value is None:
        return "—"
    if unit.startswith("share"):
        return f"{value:.1%}"
    if unit == "US dollars":
        return f"${value:,.4f}" if abs(value) < 1 else f"${value:,.2f}"
    if unit == "milliseconds":
        return f"{value / 1000:,.2f} s"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _basis(row: dict[str, Any]) -> str:
    """What a value rests on: its interval, its two counts and its note."""
    parts = []
    if row["low"] is not None and row["high"] is not None:
        low, high = format_value(row["low"], row["unit"]), format_value(row["high"], row["unit"])
        parts.append(f"{low} to {high}")
    if row["numerator"] is not None and row["denominator"] is not None:
        joint = "of" if row["unit"].startswith("share") else "over"
        parts.append(f"{row['numerator']:,.10g} {joint} {row['denominator']:,.10g}")
    if row["note"]:
        parts.append(row["note"])
    return "; ".join(parts)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def read_headline() -> list[dict[str, Any]]:
    """The headline metrics of the last build. Raises LlmAnalyticsError without one."""
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in read_mart("headline_metrics", order_by="position")
    ]


def print_headline(rows: list[dict[str, Any]]) -> None:
    """The headline metrics as a table."""
    table = Table(title="Headline metrics", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("what it rests on", overflow="fold")
    for row in rows:
        table.add_row(
            row["metric"].replace("_", " "),
            format_value(row["value"], row["unit"]),
            _basis(row),
        )
    Console().print(table)


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def summary(
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    ) -> None:
        """Show the headline metrics of the last build."""
        rows = read_headline()
        if as_json:
            typer.echo(json.dumps(rows, default=str))
            return
        print_headline(rows)
        typer.echo(_NEXT_STEPS)
