"""`llm-analytics survival`: how long users stay, and how long until they reach a goal."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_mart
from llm_analytics.statistics.survival import (
    LogRank,
    SpellQuantile,
    Spells,
    Step,
    kaplan_meier,
    log_rank,
    spell_quantile,
    survival_at,
)

ALL = "all"
SHOWN_DAYS = (1, 7, 14, 30, 60, 90)


class Until(StrEnum):
    """What a spell that begins with the first query ends with."""

    LEFT = "left"
    GOAL = "goal"


class Group(StrEnum):
    """What users are told apart by."""

    NONE = "none"
    COHORT = "cohort"
    PLAN = "plan"
    COUNTRY = "country"


#: Mart and its column of events.
_MARTS = {
    Until.LEFT: ("survival_by_day", "n_left"),
    Until.GOAL: ("time_to_value_by_day", "n_reached"),
}
_COLUMNS = {Group.COHORT: "cohort_month_date", Group.PLAN: "plan", Group.COUNTRY: "country"}


@dataclass(frozen=True)
class Curve:
    """The estimate of one group: how long its users stay, in days, or go without a goal."""

    group: str
    n_users: int
    n_events: int
    median: SpellQuantile
    steps: list[Step]


@dataclass(frozen=True)
class SurvivalReport:
    """The curves of all groups, and whether they differ (None: nothing to compare)."""

    until: Until
    by: Group
    curves: list[Curve]
    difference: LogRank | None


def report_survival(
    rows: Iterable[Mapping[str, Any]], until: Until, by: Group, level: float = 0.95
) -> SurvivalReport:
    """The report from rows of the mart that holds these spells.

    Raises LlmAnalyticsError if not 0 < level < 1.
    """
    if not 0 < level < 1:
        raise LlmAnalyticsError(f"the level must be between 0 and 1, not {level}")
    event = _MARTS[until][1]
    groups: dict[str, list[Spells]] = defaultdict(list)
    for row in rows:
        value = row[_COLUMNS[by]] if by is not Group.NONE else ALL
        name = "not known" if value is None else str(value)
        groups[name].append(Spells(row["day_number"], row[event], row["n_censored"]))
    curves = []
    for name, spells in sorted(groups.items()):
        steps = kaplan_meier(spells, level)
        n_events = sum(step.n_events for step in steps)
        curves.append(Curve(name, steps[0].n_at_risk, n_events, spell_quantile(steps), steps))
    return SurvivalReport(until, by, curves, log_rank(groups))


def read_survival(until: Until, by: Group) -> list[dict[str, Any]]:
    """The rows. Raises LlmAnalyticsError without a build, or for a group that the mart has not."""
    if until is Until.GOAL and by in (Group.PLAN, Group.COUNTRY):
        raise LlmAnalyticsError("the time until a goal is known by cohort only")
    return read_mart(_MARTS[until][0], "day_number")


def _days(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f}"


def print_survival(report: SurvivalReport, console: Console) -> None:
    """A line per group: the share that is left after some days, and the median."""
    if not report.curves:
        console.print("No user has been seen for long enough.")
        return
    title = {
        Until.LEFT: "Share of users who have not left, by days since the first query",
        Until.GOAL: "Share of users without a goal, by days since the first query",
    }[report.until]
    table = Table(title=f"{title} (Kaplan and Meier)", title_justify="left")
    table.add_column(report.by.value if report.by is not Group.NONE else "users")
    table.add_column("n", justify="right")
    table.add_column("events", justify="right")
    last = max(curve.steps[-1].time for curve in report.curves)
    days = [day for day in SHOWN_DAYS if day <= last]
    for day in days:
        table.add_column(f"day {day}", justify="right")
    table.add_column("median", justify="right")
    for curve in report.curves:
        cells = []
        for day in days:
            step = survival_at(curve.steps, day)
            cells.append(
                "—" if step is None else f"{step.survival:.1%}\n{step.low:.0%} to {step.high:.0%}"
            )
        median = _days(curve.median.time)
        if curve.median.time is not None:
            median += f" d\n{_days(curve.median.low)} to {_days(curve.median.high)}"
        table.add_row(
            escape(curve.group), f"{curve.n_users:,}", f"{curve.n_events:,}", *cells, median
        )
    console.print(table)
    if report.difference is not None:
        found = report.difference
        console.print(
            f"Do they differ? log-rank chi² {found.statistic:.2f} with {found.degrees} degrees of"
            f" freedom, p {found.p_value:.3g}",
            highlight=False,
        )


def survival_json(report: SurvivalReport) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "until": report.until,
        "by": report.by,
        "curves": [asdict(curve) for curve in report.curves],
        "log_rank": None if report.difference is None else asdict(report.difference),
    }


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command()
    def survival(
        until: Annotated[
            Until, typer.Option(help="Until users left (28 days of silence), or reach a goal.")
        ] = Until.LEFT,
        by: Annotated[Group, typer.Option(help="One curve for each of these.")] = Group.NONE,
        level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """How long users stay, or how long until they reach a goal (Kaplan and Meier)."""
        report = report_survival(read_survival(until, by), until, by, level)
        if is_json:
            typer.echo(json.dumps(survival_json(report), indent=2))
        else:
            print_survival(report, Console())
