"""How the figures of a report read, the same in each format."""

from __future__ import annotations

from decimal import Decimal

from llm_analytics.reporting.contents import Change, Period, Report
from llm_analytics.summary import format_value

#: What a reader has to know of the figures.
NOTES = (
    "A change is called one when it is more than days differ among themselves: the days of both"
    " periods are compared, their interval is of 95 %, and of what is called a change 5 % are false"
    " alarms at most (Benjamini-Hochberg). An interval may leave zero out and not pass that.",
    "Counts are compared per day. Percentiles and windows of users have no days of their own and"
    " are not tested. Pain points and savings are of the last 28 days of all events.",
)


def title(report: Report) -> str:
    """Which period it is, and that it is not over where it is not."""
    name = "Week" if report.period is Period.WEEK else "Month"
    unfinished = "" if report.is_complete else " — unfinished"
    return f"{name} of {report.start} to {report.end}{unfinished}"


def value(change: Change) -> str:
    """The metric in this period."""
    return format_value(change.value, change.shown.unit)


def before(change: Change) -> str:
    """The metric in the period before."""
    return format_value(change.before, change.shown.unit)


def interval(change: Change) -> str:
    """The relative change with its interval, the absolute one where that has no bounds."""
    found = change.comparison
    if found is None:
        return "—"
    if found.lift is not None and found.lift_low is not None and found.lift_high is not None:
        return f"{found.lift:+.1%} ({found.lift_low:+.1%} to {found.lift_high:+.1%})"
    low, high = found.difference_low, found.difference_high
    if change.shown.unit == "share":
        return f"{found.difference * 100:+.2f} points ({low * 100:+.2f} to {high * 100:+.2f})"
    return f"{found.difference:+,.4g} a day ({low:+,.4g} to {high:+,.4g})"


def dollars(amount: float, sign: bool = False) -> str:
    """US dollars and cents, smaller ones to the hundredth of a cent."""
    mark = "-" if amount < 0 else "+" if sign else ""
    places = 4 if 0 < abs(amount) < 1 else 2
    return f"{mark}${abs(amount):,.{places}f}"


def lift(low: Decimal | None, middle: Decimal | None, high: Decimal | None) -> str:
    """A relative change of an experiment with its interval."""
    if low is None or middle is None or high is None:
        return "—"
    return f"{middle:+.1%} ({low:+.1%} to {high:+.1%})"
