"""What is wrong: incidents of the marts, and heartbeats that are missed by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_mart, read_rows
from llm_analytics.warehouse import Warehouse, resolve_warehouse

#: Rules of the clock, beside those of the seed.
SILENT, LATE = "heartbeat_stream_silent", "heartbeat_build_late"

_INCIDENTS = """
select
    incidents.rule,
    incidents.metric,
    incidents.value,
    incidents.severity,
    incidents.n_firings,
    incidents.opened_at,
    incidents.last_seen_at,
    incidents.resolved_at,
    alert_events.metric_value,
    alert_events.alert_limit,
    alert_events.baseline,
    alert_events.runbook
from marts.incidents
left join marts.alert_events
    on
        incidents.rule = alert_events.rule
        and coalesce(incidents.value, '') = coalesce(alert_events.value, '')
        and incidents.last_seen_at = alert_events.window_ended_at
order by incidents.opened_at, incidents.rule, coalesce(incidents.value, '')
"""


@dataclass(frozen=True)
class Trouble:
    """Something wrong from `opened_at`, last seen at `last_seen_at`; times are UTC."""

    rule: str
    #: What of the dimension of the rule it is about; empty for all.
    value: str
    severity: str
    opened_at: datetime
    last_seen_at: datetime
    #: None while it lasts.
    resolved_at: datetime | None
    #: What a person needs to know, a line each.
    lines: tuple[str, ...]


def read_incidents() -> list[Trouble]:
    """Every incident of the last build, by its start. Raises LlmAnalyticsError without a build."""
    rows = read_rows(_INCIDENTS, "marts.incidents")
    return [_incident(row) for row in rows]


def read_heartbeats(
    now: datetime, streams: Sequence[str], silent_after: timedelta, late_after: timedelta
) -> list[Trouble]:
    """Streams whose newest event, and a build whose oldest waiting load, is too old by the clock.

    `now` is UTC. A stream that never had an event is not silent: `status` says what is missing.
    Raises LlmAnalyticsError without a build.
    """
    place = resolve_warehouse()
    reach = {
        row["stream"]: row["newest_at"]
        for row in read_mart("int_as_of", "stream", schema="intermediate", warehouse=place)
    }
    if unknown := sorted(set(streams) - set(reach)):
        raise LlmAnalyticsError(f"no stream {unknown[0]}; there are {', '.join(sorted(reach))}")
    found = [
        _silence(stream, reach[stream], now, silent_after)
        for stream in streams
        if reach[stream] is not None and now - reach[stream] > silent_after
    ]
    waiting = _waiting_since(place)
    if waiting is not None and now - waiting > late_after:
        found.append(_late(waiting, now, late_after))
    return found


def _silence(stream: str, newest_at: datetime, now: datetime, limit: timedelta) -> Trouble:
    line = f"The newest event of {stream} in the marts is of {newest_at:%Y-%m-%d %H:%M} UTC."
    help_ = "Look at the tracker, at the loads (`llm-analytics status`) and at the build."
    return Trouble(SILENT, stream, "critical", newest_at + limit, now, None, (line, help_))


def _late(waiting: datetime, now: datetime, limit: timedelta) -> Trouble:
    line = f"A load of {waiting:%Y-%m-%d %H:%M} UTC is in no mart yet."
    help_ = "Look at the log of the last build, and run `dbt build`."
    return Trouble(LATE, "", "critical", waiting + limit, now, None, (line, help_))


def _waiting_since(place: Warehouse) -> datetime | None:
    """When the oldest load was made that no build has read; None if none waits or there is none."""
    statement = (
        "select min(loads.loaded_at) as waiting_since from raw.loads"
        " inner join intermediate.int_load_horizon"
        " on loads.load_seq > int_load_horizon.load_seq"
    )
    try:
        (row,) = read_rows(statement, "raw.loads", warehouse=place)
    except LlmAnalyticsError:
        # Tables of the warehouse's own are read without a load.
        return None
    waiting: datetime | None = row["waiting_since"]
    return waiting


def _incident(row: dict[str, Any]) -> Trouble:
    lines = []
    if row["metric_value"] is not None:
        usual = "" if row["baseline"] is None else f", usual {row['baseline']:,.4g}"
        lines.append(
            f"{row['metric']} was {row['metric_value']:,.4g}"
            f" (limit {row['alert_limit']:,.4g}{usual}) in the window that ended"
            f" {row['last_seen_at']:%Y-%m-%d %H:%M} UTC."
        )
    lines.append(
        f"Firing since {row['opened_at']:%Y-%m-%d %H:%M} UTC, windows: {row['n_firings']}."
    )
    if row["runbook"]:
        lines.append(row["runbook"])
    return Trouble(
        rule=row["rule"],
        value=row["value"] or "",
        severity=row["severity"],
        opened_at=row["opened_at"],
        last_seen_at=row["last_seen_at"],
        resolved_at=row["resolved_at"],
        lines=tuple(lines),
    )
