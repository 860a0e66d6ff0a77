"""`llm-analytics dashboards`: the boards as pages, or served with live filters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.boards.site import MODELS, PERIODS, PLANS, write_site
from llm_analytics.boards.workspace import NO_TELEMETRY, make_workspace
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.publishing.command import published_folder
from llm_analytics.warehouse import project_root

_PAGES = Path("site") / "boards"
_WORKSPACE = ".boards"


def _serve(workspace: Path, port: int) -> int:
    """Runs dbt-charts' server until it is interrupted; returns its exit status."""
    program = Path(sys.executable).with_name("dct")
    if not program.exists():
        raise LlmAnalyticsError(
            "boards need the extra `boards`: pip install 'llm-analytics[boards]'"
        )
    arguments = ["serve", "--project-dir", str(workspace), "--port", str(port), "--no-cache"]
    try:
        done = subprocess.run(  # noqa: S603
            [str(program), *arguments], env={**os.environ, **NO_TELEMETRY}, check=False
        )
    except KeyboardInterrupt:
        return 0
    return done.returncode


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command()
    def dashboards(
        published: Annotated[
            Path | None,
            typer.Option(help="Folder of the published file.", show_default="published"),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="Folder of the pages.", show_default=str(_PAGES))
        ] = None,
        days: Annotated[
            str, typer.Option(help="Periods to draw, of 7, 28 and 90 days; the first is shown.")
        ] = ",".join(PERIODS),
        models: Annotated[
            int, typer.Option(min=0, max=8, help="How many models get a page of their own.")
        ] = MODELS,
        plans: Annotated[
            int, typer.Option(min=0, max=8, help="How many plans get pages of their own.")
        ] = PLANS,
        serve: Annotated[
            bool, typer.Option("--serve", help="Serve them with live filters instead.")
        ] = False,
        port: Annotated[int, typer.Option(help="With --serve: the port on this machine.")] = 8321,
    ) -> None:
        """Draw the boards of the published file as pages that need no server."""
        folder = published_folder(published)
        workspace = folder.path / _WORKSPACE
        if serve:
            make_workspace(workspace, folder.current, is_static=False)
            raise typer.Exit(_serve(workspace, port))
        periods = tuple(dict.fromkeys(part.strip() for part in days.split(",")))
        if unknown := sorted(set(periods) - set(PERIODS)):
            raise LlmAnalyticsError(f"no period of {unknown[0]!r} days: 7, 28 or 90")
        target = out or project_root() / _PAGES
        pages = write_site(folder.current, target, workspace, periods, models, plans)
        typer.echo(f"drew {len(pages)} pages; open {target / 'index.html'}")
