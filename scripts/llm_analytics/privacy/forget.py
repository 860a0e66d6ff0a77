"""`llm-analytics forget`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.privacy.erasure import ErasureReport, erase, requested
from llm_analytics.warehouse import resolve_warehouse


def _read_ids(file: Path) -> list[str]:
    """One id a line. Raises LlmAnalyticsError if the file cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LlmAnalyticsError(f"cannot read {file}: {error}") from error
    return [line.strip() for line in lines if line.strip()]


def _print(report: ErasureReport) -> None:
    typer.echo(
        f"Erasure {report.erasure_id}: {report.n_people} people with {report.n_aliases} more ids,"
        f" {report.n_rows:,} raw rows, {report.n_refused_lines:,} refused lines"
    )
    for table, count in report.rows.items():
        typer.echo(f"  raw.{table}: {count:,}")
    typer.echo(f"  {len(report.removed)} copies, artifacts and logs removed")
    for copy in report.copies:
        typer.echo(
            f"  {copy} still holds them: remove it, or make it anew by `llm-analytics backup`"
        )


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("forget")
    def forget_command(
        users: Annotated[
            list[str] | None, typer.Argument(metavar="USER...", help="Ids as the product has them.")
        ] = None,
        file: Annotated[Path | None, typer.Option(help="A file with one id a line.")] = None,
        is_requested: Annotated[
            bool, typer.Option("--requested", help="All who asked for it (consents: erasure).")
        ] = False,
        also_remove: Annotated[
            list[Path] | None,
            typer.Option(help="Empty this folder too: other places of published copies."),
        ] = None,
        postgres: Annotated[
            str | None,
            typer.Option(
                envvar="LLM_ANALYTICS_PUBLISH_POSTGRES",
                show_envvar=True,
                help="Also drop the schema `published` of this database (a URL).",
            ),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    ) -> None:
        """Erase people from the warehouse and all that was made from it, and rebuild.

        Without anybody named it ends an erasure that was interrupted. Exit status: 0 done, 1 failed
        (call it again to go on).
        """
        warehouse = resolve_warehouse()
        ids = [*(users or []), *(_read_ids(file) if file else [])]
        ids += requested(warehouse) if is_requested else []

        def note(step: str) -> None:
            if not as_json:
                typer.echo(f"… {step}", err=True)

        reports = erase(warehouse, ids, also_remove or [], note, postgres)
        if as_json:
            json.dump([asdict(report) for report in reports], sys.stdout, indent=2, default=str)
            sys.stdout.write("\n")
            return
        for report in reports:
            _print(report)
        if not reports:
            typer.echo("Nothing to erase: nobody was named, and no erasure was interrupted")
