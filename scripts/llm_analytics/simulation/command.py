"""The command `llm-analytics simulate`."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import LlmAnalyticsError
from .simulator import DEFAULT_END, simulate


def register(app: typer.Typer) -> None:
    """Add the command `simulate` to an application."""
    app.command(name="simulate")(_simulate)


def _simulate(
    out: Annotated[Path, typer.Option(help="Folder for the files; made when it is missing.")],
    users: Annotated[int, typer.Option(help="Users who sign up in the window.")] = 500,
    days: Annotated[int, typer.Option(help="Length of the window in days.")] = 60,
    seed: Annotated[int, typer.Option(help="The same arguments give the same bytes.")] = 1,
    end: Annotated[str, typer.Option(help="Last day (UTC).")] = DEFAULT_END.isoformat(),
    loads: Annotated[
        int | None, typer.Option(help="Cut the lines by arrival into that many folders.")
    ] = None,
    split_days: Annotated[
        int | None, typer.Option(help="Cut the lines into a folder per that many days of arrival.")
    ] = None,
    incidents: Annotated[bool, typer.Option(help="Plant an incident per alert rule.")] = True,
    defects: Annotated[bool, typer.Option(help="Plant duplicates, late lines and so on.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write the events of a simulated product whose parameters are known (truth.json)."""
    try:
        last = dt.date.fromisoformat(end)
    except ValueError:
        raise LlmAnalyticsError(f"--end is not a date like 2025-06-30: {end}") from None
    result = simulate(
        out,
        users,
        days,
        seed,
        end=last,
        loads=loads,
        split_days=split_days,
        with_incidents=incidents,
        with_defects=defects,
    )
    if as_json:
        summary = {
            "folder": str(result.folder),
            "users": result.n_users,
            "sessions": result.n_sessions,
            "interactions": result.n_interactions,
            "lines": result.n_lines,
        }
        typer.echo(json.dumps(summary))
        return
    typer.echo(
        f"{result.n_users:,} users, {result.n_sessions:,} sessions, "
        f"{result.n_interactions:,} interactions: {result.n_lines:,} lines in {result.folder}"
    )
