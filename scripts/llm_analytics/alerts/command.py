"""`llm-analytics alert`: thresholds from history, and rules against known incidents."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.alerts.baseline import Proposal, propose
from llm_analytics.alerts.replay import Finding, Replay, read_known, replay
from llm_analytics.alerts.windows import read_raised, read_windows
from llm_analytics.errors import LlmAnalyticsError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:,.4g}"


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.0%}"


def _print_proposals(proposals: list[Proposal], per_quarter: float) -> None:
    table = Table(
        title=f"Thresholds that would have fired {per_quarter:g} times in 90 days, or less",
        title_justify="left",
    )
    for heading in ("rule", "threshold is", "windows", "days", "firings", "proposed"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for each in proposals:
        unit = " spreads" if each.method == "robust" else ""
        table.add_row(
            each.rule,
            _number(each.threshold) + unit,
            f"{each.n_windows:,}",
            f"{each.days:,.0f}",
            f"{each.n_firings:,}",
            "too little history" if each.proposed is None else _number(each.proposed) + unit,
        )
    Console().print(table)


def _as_row(finding: Finding, within: int) -> dict[str, object]:
    return {
        "name": finding.known.name,
        "rule": finding.known.rule,
        "start": finding.known.start.isoformat(),
        "end": finding.known.end.isoformat(),
        "n_windows": finding.n_windows,
        "fired_at_window": finding.fired_at_window,
        "is_found": finding.is_found(within),
    }


def _print_replay(result: Replay) -> None:
    table = Table(title="Known incidents", title_justify="left")
    for heading in ("incident", "rule", "windows", "fired at", "found"):
        table.add_column(heading)
    for each in result.findings:
        fired = "—" if each.fired_at_window is None else f"window {each.fired_at_window}"
        is_found = "yes" if each.is_found(result.within) else "no"
        table.add_row(each.known.name, each.known.rule, str(each.n_windows), fired, is_found)
    console = Console()
    console.print(table)
    n_true = result.n_raised - len(result.false_alarms)
    console.print(
        f"recall     {_share(result.recall)}   {result.n_found} of {len(result.findings)} found"
        f" within {result.within} windows\n"
        f"precision  {_share(result.precision)}   {n_true} of {result.n_raised} raised during one"
    )
    for alarm in result.false_alarms:
        console.print(f"false alarm: {alarm.rule} at {alarm.opened_at:%Y-%m-%d %H:%M} UTC")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    alert = typer.Typer(
        no_args_is_help=True, help="Alert rules: their thresholds, and how good they are."
    )
    app.add_typer(alert, name="alert")

    @alert.command()
    def baseline(
        per_quarter: Annotated[
            float, typer.Option("--per-quarter", help="Firings to accept in 90 days.", min=0)
        ] = 1.0,
        without: Annotated[
            Path | None, typer.Option("--without", help="JSON: known incidents, to leave out.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Propose thresholds from the history of each rule."""
        known = read_known(without) if without else []
        quiet = [
            each
            for each in read_windows()
            if not any(of.is_during(each.started_at, each.ended_at) for of in known)
        ]
        proposals = propose(quiet, per_quarter)
        if as_json:
            typer.echo(json.dumps([dataclasses.asdict(each) for each in proposals]))
            return
        _print_proposals(proposals, per_quarter)

    @alert.command(name="replay")
    def replay_known(
        incidents: Annotated[
            Path, typer.Argument(help="JSON: truth.json of the simulator, or a list of your own.")
        ],
        within: Annotated[
            int, typer.Option("--within", help="Windows in which a rule has to fire.", min=1)
        ] = 2,
        as_json: AsJson = False,
    ) -> None:
        """Say how many known incidents the rules found, and what else they raised."""
        known = read_known(incidents)
        windows = read_windows()
        unknown = {each.rule for each in known} - {each.rule for each in windows}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise LlmAnalyticsError(f"no window was looked at by the rule of an incident: {names}")
        result = replay(windows, read_raised(), known, within)
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "recall": result.recall,
                        "precision": result.precision,
                        "n_raised": result.n_raised,
                        "known": [_as_row(each, within) for each in result.findings],
                        "false_alarms": [dataclasses.asdict(each) for each in result.false_alarms],
                    },
                    default=str,
                )
            )
            return
        _print_replay(result)
