"""What a report says, read from marts; how sure a change is comes from the statistics package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from llm_analytics.alerts.troubles import Trouble, read_incidents
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_mart
from llm_analytics.statistics.multiplicity import benjamini_hochberg
from llm_analytics.statistics.pivot import Comparison, compare
from llm_analytics.statistics.sums import Sums, estimate

#: Adjusted p-value below which a change is called one.
ALPHA = 0.05
#: Periods before that a line of history shows.
N_HISTORY = 12
_ROWS = 5

Row = Mapping[str, Any]


class Period(StrEnum):
    """What a report is about: a week from Monday, or a calendar month."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Shown:
    """How a metric is shown, and which way is better: 1 up, -1 down, 0 neither."""

    metric: str
    label: str
    unit: str
    better: int


SHOWN = (
    Shown("active_users", "Active users a day", "users", 1),
    Shown("new_users", "New users", "users", 1),
    Shown("queries", "Queries", "queries", 0),
    Shown("sessions", "Sessions", "sessions", 0),
    Shown("retention_d1", "Back on day 1", "share", 1),
    Shown("return_session_rate", "Sessions with a return in 7 days", "share", 1),
    Shown("session_completion", "Sessions that reach a goal", "share", 1),
    Shown("abandonment_rate", "Abandonment", "share", -1),
    Shown("refinement_rate", "Refinement", "share", -1),
    Shown("thumbs_ratio", "Thumbs up", "share", 1),
    Shown("complaint_rate", "Complaints", "share", -1),
    Shown("hallucination_rate", "Hallucinations", "share", -1),
    Shown("latency_p95", "Latency, 95th percentile", "milliseconds", -1),
    Shown("error_rate", "Failed attempts", "share", -1),
    Shown("user_error_rate", "Queries without an answer", "share", -1),
    Shown("availability", "Availability", "share", 1),
    Shown("cost_per_interaction", "Cost per interaction", "US dollars", -1),
    Shown("model_cost", "Cost of models", "US dollars", 0),
    Shown("revenue", "Revenue", "US dollars", 1),
)


class Verdict(StrEnum):
    """What the change of a metric is worth saying."""

    BETTER = "better"
    WORSE = "worse"
    HIGHER = "higher"
    LOWER = "lower"
    UNCLEAR = "no clear change"
    UNFINISHED = "not final yet"
    UNTESTED = "not tested"
    NEW = "nothing to compare with"


@dataclass(frozen=True)
class Change:
    """A metric in the period and in the one before."""

    shown: Shown
    value: float | None
    before: float | None
    #: Values of the periods that end with this one; None where one is missing.
    history: tuple[float | None, ...]
    comparison: Comparison | None
    verdict: Verdict
    p_adjusted: float | None = None


@dataclass(frozen=True)
class Driver:
    """What a model cost in the period and in the one before, in US dollars."""

    model: str
    cost_usd: float
    before_usd: float


@dataclass(frozen=True)
class Action:
    """Something to do next, and the figures that say why."""

    what: str
    why: str


@dataclass(frozen=True)
class Report:
    """All that a report says; dates are reporting dates, times UTC."""

    period: Period
    start: date
    end: date
    is_complete: bool
    changes: tuple[Change, ...]
    incidents: tuple[Trouble, ...]
    experiments: tuple[Row, ...]
    drivers: tuple[Driver, ...]
    opportunities: tuple[Row, ...]
    pain_points: tuple[Row, ...]
    missing: tuple[str, ...]
    actions: tuple[Action, ...]


def read_report(period: Period, day: date | None = None) -> Report:
    """The report of the period that holds `day`, else of the newest that is complete.

    Raises LlmAnalyticsError without a build, without a complete period, or without any events in
    the one that is asked for.
    """
    rows = read_mart("metrics_by_period", order_by="period_start_date", where={"period": period})
    start, end, is_complete = _choose(rows, period, day)
    before = first_date(period, start - timedelta(days=1))
    changes = _changes(rows, start, before, _days(period))
    incidents = tuple(each for each in read_incidents() if _touches(each, start, end))
    opportunities = read_mart("cost_opportunities", order_by="position")[:_ROWS]
    pain_points = read_mart("pain_points", order_by="position")[:_ROWS]
    missing = [
        row for row in read_mart("metric_computability", order_by="metric")
        if not row["is_computable"]
    ]  # fmt: skip
    report = Report(
        period=period,
        start=start,
        end=end,
        is_complete=is_complete,
        changes=changes,
        incidents=incidents,
        experiments=_experiments(start, end),
        drivers=_drivers(rows, start, before),
        opportunities=tuple(opportunities),
        pain_points=tuple(pain_points),
        missing=tuple(dict.fromkeys(str(row["missing"]) for row in missing)),
        actions=(),
    )
    return replace(report, actions=tuple(propose_actions(report)))


def _choose(rows: Sequence[Row], period: Period, day: date | None) -> tuple[date, date, bool]:
    """First and last date of the period to report, and whether it is complete."""
    found = {
        row["period_start_date"]: row
        for row in rows
        if row["metric"] == "queries" and row["dimension"] == "all"
    }
    if not found:
        raise LlmAnalyticsError("there are no events to report on: load some, then `dbt build`")
    if day is None:
        complete = [start for start, row in found.items() if row["is_complete"]]
        if not complete:
            last = max(found)
            raise LlmAnalyticsError(
                f"no {period} is complete yet; `--day {last}` shows the unfinished one"
            )
        chosen = found[max(complete)]
    else:
        holding = [
            row for start, row in found.items() if start <= day <= row["period_end_date"]
        ]  # fmt: skip
        if not holding:
            raise LlmAnalyticsError(
                f"no events in the {period} of {day}: they reach from the {period} of {min(found)}"
                f" to that of {max(found)}"
            )
        chosen = holding[0]
    return chosen["period_start_date"], chosen["period_end_date"], chosen["is_complete"]


def _days(period: Period) -> dict[tuple[str, date], list[Row]]:
    """Rows of single days by metric and first date of their period."""
    found: dict[tuple[str, date], list[Row]] = {}
    for row in read_mart("metrics_daily", order_by="date_day", where={"dimension": "all"}):
        found.setdefault((row["metric"], first_date(period, row["date_day"])), []).append(row)
    return found


def first_date(period: Period, day: date) -> date:
    """The first date of the week or month that a day lies in."""
    return day.replace(day=1) if period is Period.MONTH else day - timedelta(days=day.weekday())


def _changes(
    rows: Sequence[Row],
    start: date,
    before: date,
    days: Mapping[tuple[str, date], list[Row]],
) -> tuple[Change, ...]:
    of_metric: dict[str, dict[date, Row]] = {}
    for row in rows:
        if row["dimension"] == "all":
            of_metric.setdefault(row["metric"], {})[row["period_start_date"]] = row
    starts = sorted({row["period_start_date"] for row in rows if row["period_start_date"] <= start})
    changes = [
        _change(shown, of_metric[shown.metric], starts[-N_HISTORY:], start, before, days)
        for shown in SHOWN
        if of_metric.get(shown.metric, {}).get(start) is not None
    ]
    tested = [each for each in changes if each.comparison is not None]
    adjusted = benjamini_hochberg([each.comparison.p_value for each in tested if each.comparison])
    judged = {
        each.shown.metric: replace(each, p_adjusted=p, verdict=_verdict(each, p))
        for each, p in zip(tested, adjusted, strict=True)
    }
    return tuple(judged.get(each.shown.metric, each) for each in changes)


def _change(
    shown: Shown,
    of_period: Mapping[date, Row],
    starts: Sequence[date],
    start: date,
    before: date,
    days: Mapping[tuple[str, date], list[Row]],
) -> Change:
    now, then = of_period[start], of_period.get(before)
    comparison = None
    if not now["is_complete"]:
        verdict = Verdict.UNFINISHED
    elif then is None or not then["is_complete"] or then["metric_value"] is None:
        verdict = Verdict.NEW
    else:
        verdict = Verdict.UNTESTED
        control, treatment = (
            estimate(sums) if sums else None
            for sums in (
                _sums(row, days.get((shown.metric, row["period_start_date"]), []))
                for row in (then, now)
            )
        )
        if control is not None and treatment is not None:
            comparison = compare(control, treatment, ALPHA)
    return Change(
        shown=shown,
        value=now["metric_value"],
        before=then["metric_value"] if then else None,
        history=tuple(
            of_period[each]["metric_value"] if each in of_period else None for each in starts
        ),
        comparison=comparison,
        verdict=verdict,
    )


def _sums(period: Row, days: Sequence[Row]) -> Sums | None:
    """The days of a period as the units of an arm; None where they do not add up to it.

    The days are the units, for the calls and users of a day are not independent of each other. A
    count has a value on every day of its period, so that a day without a row is a zero.
    """
    if period["numerator"] is None:
        return None  # a quantile
    if period["denominator"] is None or period["metric"] == "active_users":
        values = [each["numerator"] for each in days if each["numerator"] is not None]
        if sum(values, Decimal(0)) != period["numerator"]:
            return None  # the users of a window
        n_days = (period["period_end_date"] - period["period_start_date"]).days + 1
        return Sums.of_units([(value, 1, 0, 0) for value in values + [0] * (n_days - len(values))])
    return Sums.of_units(
        (each["numerator"], each["denominator"], 0, 0)
        for each in days
        if each["numerator"] is not None and each["denominator"]
    )


def _verdict(change: Change, p_adjusted: float) -> Verdict:
    if change.comparison is None or p_adjusted >= ALPHA:
        return Verdict.UNCLEAR
    is_up = change.comparison.difference > 0
    if change.shown.better == 0:
        return Verdict.HIGHER if is_up else Verdict.LOWER
    return Verdict.BETTER if is_up == (change.shown.better > 0) else Verdict.WORSE


def _touches(trouble: Trouble, start: date, end: date) -> bool:
    """Was it there at any moment of these dates (UTC)?"""
    first = datetime.combine(start, time())
    after = datetime.combine(end, time()) + timedelta(days=1)
    return trouble.opened_at < after and (trouble.resolved_at or trouble.last_seen_at) >= first


def _experiments(start: date, end: date) -> tuple[Row, ...]:
    """The newest reading of each primary metric that read its events up to these dates."""
    rows = read_mart("experiment_results", order_by="experiment_id")
    return tuple(
        row
        for row in rows
        if row["is_newest"]
        and row["metric_role"] == "primary"
        and row["segment_name"] is None
        and start <= row["read_until"].date() <= end
    )


def _drivers(rows: Sequence[Row], start: date, before: date) -> tuple[Driver, ...]:
    """The models whose cost changed most."""
    costs: dict[str, dict[date, float]] = {}
    for row in rows:
        if row["metric"] == "model_cost" and row["dimension"] == "model":
            name = row["value"] or "unknown model"
            costs.setdefault(name, {})[row["period_start_date"]] = row["metric_value"] or 0.0
    found = [
        Driver(name, of_period.get(start, 0.0), of_period.get(before, 0.0))
        for name, of_period in costs.items()
        if start in of_period or before in of_period
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.cost_usd - each.before_usd))[:_ROWS])


def propose_actions(report: Report) -> list[Action]:
    """What to do next, the most urgent first: each from a figure of the report."""
    actions = [
        Action(
            f"Close the incident {each.rule}" + (f" ({each.value})" if each.value else ""),
            " ".join(each.lines),
        )
        for each in report.incidents
        if each.resolved_at is None
    ]
    actions += [
        Action(
            f"Find out why this became worse: {each.shown.label.lower()}",
            "Compare features, models and prompt versions; the change is more than days differ.",
        )
        for each in report.changes
        if each.verdict is Verdict.WORSE
    ]
    actions += [
        Action(f"Follow the decision on {row['experiment_id']}: {row['decision']}", "It was read.")
        for row in report.experiments
        if row["decision"]
    ]
    for row in report.pain_points[:1]:
        feature = f" of {row['feature']}" if row["feature"] else ""
        actions.append(
            Action(
                f"Read conversations{feature} that ended {row['end_state'].replace('_', ' ')}",
                f"{row['n_users']:,} users, {row['n_lost_goals']:,} sessions without their goal"
                " in 28 days.",
            )
        )
    for row in report.opportunities[:1]:
        actions.append(
            Action(
                f"Look at the largest saving: {row['kind'].replace('_', ' ')},"
                f" {row['model'] or 'unknown model'}, {row['detail']}",
                f"${row['saving_usd']:,.2f} of ${row['cost_usd']:,.2f} in 28 days.",
            )
        )
    if report.missing:
        actions.append(
            Action(f"Log what is missing: {report.missing[0]}", "Without it metrics stay empty.")
        )
    return actions
