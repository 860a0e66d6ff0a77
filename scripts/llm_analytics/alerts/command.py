"""`llm-analytics alert`: messages of incidents, and thresholds and rules against history."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.alerts.baseline import Proposal, propose
from llm_analytics.alerts.memory import Book, open_book, read_book, state_path
from llm_analytics.alerts.notices import Notice, deliver, remember
from llm_analytics.alerts.replay import Finding, Replay, read_known, replay
from llm_analytics.alerts.troubles import Trouble, read_heartbeats, read_incidents
from llm_analytics.alerts.windows import read_raised, read_windows
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.notify import Channel, channels
from llm_analytics.warehouse import resolve_warehouse

#: Exit status of --dry-run where something would be sent.
EXIT_DUE = 3
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


def _print_notices(notices: list[Notice], n_open: int, is_dry: bool) -> None:
    console = Console()
    for each in notices:
        word = "would send" if is_dry else "sent" if each.is_delivered else "NOT SENT"
        console.print(f"{word}: {each.message.title}", markup=False, highlight=False)
    nothing = "" if notices else ", nothing new to tell"
    console.print(f"{n_open} open{nothing}", markup=False, highlight=False)


def _notices_as_json(notices: list[Notice], n_open: int) -> str:
    rows = [
        {
            "kind": each.kind,
            "rule": each.rule,
            "value": each.value or None,
            "severity": each.severity,
            "opened_at": each.opened_at.isoformat(),
            "title": each.message.title,
            "body": each.message.body,
            "is_delivered": each.is_delivered,
        }
        for each in notices
    ]
    return json.dumps({"n_open": n_open, "notices": rows})


def send_notices(
    troubles: list[Trouble], max_age: timedelta, given: list[Channel], is_dry: bool
) -> list[Notice]:
    """Send what is due of these troubles, or say what would be sent and change nothing."""
    path = state_path(resolve_warehouse())
    now = datetime.now(UTC).replace(tzinfo=None)

    def notices(book: Book, to: list[Channel]) -> list[Notice]:
        pairs = remember(book, troubles, now, max_age)
        found = list(deliver(book, pairs, to))
        book.save()
        return found

    if is_dry:
        return notices(read_book(path), [])
    with open_book(path) as book:
        return notices(book, given)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    alert = typer.Typer(
        no_args_is_help=True,
        help="Alert rules: messages of what they find, their thresholds, how good they are.",
    )
    app.add_typer(alert, name="alert")

    @alert.command()
    def send(
        max_age: Annotated[
            float, typer.Option("--max-age", help="Hours after which nothing is news.", min=0)
        ] = 48,
        stream: Annotated[
            list[str] | None,
            typer.Option("--stream", help="A stream with a heartbeat (queries and responses)."),
        ] = None,
        silent_after: Annotated[
            float, typer.Option("--silent-after", help="Hours without an event of it.", min=0)
        ] = 24,
        late_after: Annotated[
            float, typer.Option("--late-after", help="Hours that a load may wait.", min=0)
        ] = 24,
        heartbeat: Annotated[
            bool, typer.Option(help="Look at the clock too, not at incidents alone.")
        ] = True,
        is_dry: Annotated[
            bool, typer.Option("--dry-run", help="Say what would be sent; change nothing.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """Send each opened and each resolved incident once, to LLM_ANALYTICS_NOTIFY.

        Exit status: 0 all was told, 1 failed or something was not delivered (it is tried again), 3
        --dry-run has something to tell.
        """
        given: list[Channel] = [] if is_dry else list(channels())
        troubles = read_incidents()
        if heartbeat:
            now = datetime.now(UTC).replace(tzinfo=None)
            watched = stream or ["queries", "responses"]
            hours = timedelta(hours=1)
            troubles += read_heartbeats(now, watched, silent_after * hours, late_after * hours)
        notices = send_notices(troubles, timedelta(hours=max_age), given, is_dry)
        n_open = sum(each.resolved_at is None for each in troubles)
        if as_json:
            typer.echo(_notices_as_json(notices, n_open))
        else:
            _print_notices(notices, n_open, is_dry)
        if is_dry and notices:
            raise typer.Exit(EXIT_DUE)
        missed = [each for each in notices if not is_dry and not each.is_delivered]
        if missed:
            raise LlmAnalyticsError(
                f"{len(missed)} of {len(notices)} notices were not taken by every service;"
                " the next run tries again"
            )

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
