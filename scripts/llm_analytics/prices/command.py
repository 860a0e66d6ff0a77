"""`llm-analytics prices refresh`: newer public tables into the dated price list, with a diff."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.prices.price_list import (
    CLASSES,
    Name,
    Price,
    in_figures,
    read_price_list,
    write_price_list,
)
from llm_analytics.prices.refresh import Change, Dispute, Refresh, refresh
from llm_analytics.prices.tables import read_genai_prices, read_litellm

DEFAULT_LIST = Path("seeds/model_prices.csv")


class Kind(StrEnum):
    """Which table settles a dispute."""

    GENAI_PRICES = "genai-prices"
    LITELLM = "litellm"


def refresh_prices(
    out: Path,
    genai_prices: str | None = None,
    litellm: Path | None = None,
    day: datetime | None = None,
    prefer: str | None = None,
    is_dry_run: bool = False,
) -> Refresh:
    """Bring the price list at `out` up to date from one table or both; returns what was found.

    `day` is the UTC day of the tables, else that of their files. The file is written only if a
    price changes and it is no dry run. Names of `model_aliases.csv` beside the list are taken as
    known. Raises LlmAnalyticsError, with the file as it was.
    """
    table_day = day.date() if day else None
    if table_day and table_day > datetime.now(UTC).date():
        raise LlmAnalyticsError(f"a table of {table_day} cannot be known yet")
    tables = []
    if genai_prices:
        tables.append(read_genai_prices(genai_prices, table_day))
    if litellm:
        tables.append(read_litellm(litellm, table_day))
    if not tables:
        raise LlmAnalyticsError("name a table: --genai-prices, --litellm or both")
    rows = read_price_list(out)
    found = refresh(rows, tables, _aliases(out.with_name("model_aliases.csv")), prefer)
    if found.is_needed and not is_dry_run:
        write_price_list(out, found.rows)
    return found


def _aliases(path: Path) -> list[str]:
    """The aliases of models in the seed beside the list; none without that seed."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row.get("alias") or "" for row in csv.DictReader(file)]


def register(app: typer.Typer) -> None:
    """Adds `prices` to the command."""
    commands = typer.Typer(no_args_is_help=True, help="Keep the dated list of prices up to date.")

    @commands.callback()
    def prices() -> None:
        """Keep the dated list of prices up to date."""

    @commands.command("refresh")
    def _refresh(
        genai_prices: Annotated[
            str | None,
            typer.Option(
                metavar="FILE|installed",
                help="genai-prices' prices/data.json, or the installed package's table.",
            ),
        ] = None,
        litellm: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="LiteLLM's model_prices_and_context_window.json."),
        ] = None,
        out: Annotated[
            Path, typer.Option(metavar="FILE", help="The list to bring up to date.")
        ] = DEFAULT_LIST,
        date: Annotated[
            datetime | None,
            typer.Option(
                formats=["%Y-%m-%d"],
                help="Day of the tables (UTC), if not that on which their files were written.",
            ),
        ] = None,
        prefer: Annotated[
            Kind | None, typer.Option(help="The table that counts where the two disagree.")
        ] = None,
        is_dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show the changes and write nothing.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
    ) -> None:
        """Merge newer public price tables into the list: history stays, and a diff is shown."""
        found = refresh_prices(out, genai_prices, litellm, date, prefer, is_dry_run)
        is_written = found.is_needed and not is_dry_run
        if as_json:
            typer.echo(json.dumps(_as_json(found, out, is_written), indent=2))
        else:
            _print(found, out, is_written)

    app.add_typer(commands, name="prices")


def _as_json(found: Refresh, out: Path, is_written: bool) -> dict[str, Any]:
    """The refresh as plain values; prices as text, so that none is rounded."""
    return {
        "file": str(out),
        "is_written": is_written,
        "new": [_change(change) for change in found.new],
        "changed": [_change(change) for change in found.changed],
        "gone": [_name(row.name) for row in found.gone],
        "disputed": [_dispute(dispute) for dispute in found.disputed],
        "n_unchanged": found.n_unchanged,
        "n_older": found.n_older,
        "n_rows": len(found.rows),
    }


def _name(name: Name) -> dict[str, str]:
    return {"provider": name.provider, "model": name.model, "match": name.match}


def _prices(price: Price | None) -> dict[str, str] | None:
    """The known classes of a price, US dollars per million tokens."""
    if price is None:
        return None
    return {
        f"{name}_usd_per_million": in_figures(cell)
        for name, cell in zip(CLASSES, price, strict=True)
        if cell is not None
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        **_name(change.name),
        "valid_from": change.day.isoformat(),
        "before": _prices(change.before),
        "after": _prices(change.after),
        "source": change.source,
    }


def _dispute(dispute: Dispute) -> dict[str, Any]:
    return {
        **_name(dispute.name),
        "listed": _prices(dispute.listed),
        "tables": {kind: _prices(price) for kind, price in dispute.prices.items()},
    }


def _cells(price: Price | None) -> str:
    """Input / cache read / cache write / output; an em dash where one is not known."""
    if price is None:
        return ""
    return " / ".join(in_figures(cell) or "—" for cell in price)


def _print(found: Refresh, out: Path, is_written: bool) -> None:
    """The diff for people."""
    console = Console()
    if found.changed or found.new:
        title = "US dollars per million tokens: input / cache read / cache write / output"
        table = Table(title=title, title_justify="left")
        for column in ("", "provider", "model", "from", "before", "after"):
            table.add_column(column, overflow="fold")
        for mark, changes in (("changed", found.changed), ("new", found.new)):
            for change in changes:
                model = change.name.model + ("…" if change.name.match == "prefix" else "")
                row = (
                    mark, change.name.provider, model, change.day.isoformat(),
                    _cells(change.before), _cells(change.after),
                )  # fmt: skip
                table.add_row(*map(Text, row))
        console.print(table)
    if found.disputed:
        table = Table(title="The tables disagree; --prefer settles it", title_justify="left")
        for column in ("provider", "model", "listed", "genai-prices", "litellm"):
            table.add_column(column, overflow="fold")
        for dispute in found.disputed:
            shown = [_cells(dispute.prices.get(kind)) for kind in Kind]
            listed = _cells(dispute.listed)
            name = dispute.name
            table.add_row(*map(Text, (name.provider, name.model, listed, *shown)))
        console.print(table)
    if found.gone:
        names = ", ".join(sorted({row.name.model for row in found.gone}))
        console.print(f"In no table any more, last price kept: {names}", markup=False)
    outcome = "written" if is_written else "nothing written"
    console.print(
        f"{out}: {len(found.changed):,} changed, {len(found.new):,} new, {len(found.gone):,} gone, "
        f"{len(found.disputed):,} disputed, {found.n_unchanged:,} unchanged, "
        f"{found.n_older:,} known from a newer table; {outcome}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
