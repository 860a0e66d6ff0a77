"""`llm-analytics load`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from llm_analytics.interrupts import ignore_interrupts
from llm_analytics.loading.inputs import InputFile
from llm_analytics.loading.load import LoadOptions, LoadReport, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.sources.registry import find_source
from llm_analytics.warehouse import named_lake, resolve_warehouse

EXIT_QUARANTINED = 3


def print_report(report: LoadReport, label: str) -> None:
    """What a load did with each file, as a table."""
    console = Console()
    title = f"Load {report.load_seq} of {report.source} into {label}"
    table = Table(title=title, title_justify="left")
    table.add_column("file", overflow="fold")
    for name in ("lines", "blank", "accepted", "duplicates", "quarantined"):
        table.add_column(name, justify="right")
    for file in report.files:
        counts = (
            file.n_lines,
            file.n_blank,
            file.n_accepted,
            file.n_duplicates,
            file.n_quarantined,
        )
        # Text objects, not markup: a file may be named like one.
        table.add_row(_plain(file.file_name), *(f"{count:,}" for count in counts))
    console.print(table)
    if report.n_erased:
        console.print(f"Not landed, for they are of people who were erased: {report.n_erased:,}")
    if report.reasons:
        reasons = ", ".join(f"{name} {count:,}" for name, count in report.reasons.items())
        console.print(f"Quarantined (see raw.quarantine): {reasons}", markup=False)


def _plain(text: str) -> str:
    """A file's name without what would steer a terminal or rich's markup."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("[", "\\[")


def load_with_progress(
    source: str, paths: list[str], options: LoadOptions, is_quiet: bool
) -> LoadReport:
    """Loads files, with a bar on a terminal unless it is to be quiet."""
    warehouse = resolve_warehouse()
    found = find_source(source)
    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        return load(found, paths, warehouse, options)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[int, object] = {}

        def advance(item: InputFile, n_bytes: int) -> None:
            if item.number not in tasks:
                total = item.path.stat().st_size if item.path else None
                tasks[item.number] = bar.add_task(item.name, total=total)
            bar.update(tasks[item.number], completed=n_bytes)  # type: ignore[arg-type]

        return load(found, paths, warehouse, options, advance)


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("load")
    def load_command(
        paths: Annotated[
            list[str], typer.Argument(metavar="PATH...", help="Files, folders, patterns, or -.")
        ],
        source: Annotated[str, typer.Option(help="What the files are.")] = "events",
        stream: Annotated[
            str | None, typer.Option(help="Stream of events that neither event nor file names.")
        ] = None,
        text: Annotated[
            TextPolicy | None,
            typer.Option(help="What happens to all texts, instead of by the privacy policy."),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
        memory_limit: Annotated[
            str | None, typer.Option(help="DuckDB's memory, for example 512MB.")
        ] = None,
        threads: Annotated[int | None, typer.Option(min=1, help="DuckDB's threads.")] = None,
        lake: Annotated[
            str | None,
            typer.Option(metavar="DIR|URL", help="Load into Parquet files there, or s3://."),
        ] = None,
    ) -> None:
        """Load events into the raw tables: all lines accounted for, in one transaction.

        Exit status: 0 all lines accepted or duplicate, 3 some quarantined, 1 nothing changed.
        """
        policy = Policy.of_source(source, find_source(source).streams, text)
        options = LoadOptions(policy, stream, memory_limit, threads, lake or named_lake())
        report = load_with_progress(source, paths, options, as_json)
        ignore_interrupts()
        if as_json:
            json.dump(report.as_json(), sys.stdout, indent=2)
            sys.stdout.write("\n")
        else:
            print_report(report, options.lake or resolve_warehouse().label)
        if report.n_quarantined:
            raise typer.Exit(EXIT_QUARANTINED)
