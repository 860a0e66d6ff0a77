"""What the warehouse says of each window that an alert rule looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_mart


@dataclass(frozen=True)
class Window:
    """One row of `alert_windows`; times are UTC."""

    rule: str
    #: Value of the dimension that the rule watches; None for all.
    value: str | None
    method: str
    direction: str
    noise: str
    threshold: float
    started_at: datetime
    ended_at: datetime
    metric_value: float
    #: Median of the windows before; None for static rules.
    baseline: float | None
    limit: float
    is_firing: bool


@dataclass(frozen=True)
class Raised:
    """One row of `incidents`: firings of a rule in a row."""

    rule: str
    value: str | None
    opened_at: datetime
    last_seen_at: datetime


def read_windows() -> list[Window]:
    """Every window of every rule, by time. Raises LlmAnalyticsError if there is none."""
    rows = read_mart("alert_windows", order_by="window_started_at")
    if not rows:
        raise LlmAnalyticsError(
            "no window has enough events for an alert rule: load more, then `dbt build`"
        )
    return [_window(row) for row in rows]


def read_raised() -> list[Raised]:
    """Every incident that the rules opened, by time."""
    return [
        Raised(row["rule"], row["value"], row["opened_at"], row["last_seen_at"])
        for row in read_mart("incidents", order_by="opened_at")
    ]


def _window(row: dict[str, Any]) -> Window:
    return Window(
        rule=row["rule"],
        value=row["value"],
        method=row["method"],
        direction=row["direction"],
        noise=row["noise"],
        threshold=float(row["threshold"]),
        started_at=row["window_started_at"],
        ended_at=row["window_ended_at"],
        metric_value=float(row["metric_value"]),
        baseline=None if row["baseline"] is None else float(row["baseline"]),
        limit=float(row["alert_limit"]),
        is_firing=bool(row["is_firing"]),
    )
