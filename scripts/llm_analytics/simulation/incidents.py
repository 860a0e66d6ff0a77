"""When each planted incident happens, and what it changes at a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parameters import Incident, Parameters
from .randomness import Bools, Floats

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class PlannedIncident:
    """An incident with its place in time: [start_ms, end_ms), epoch milliseconds."""

    incident: Incident
    start_ms: int
    end_ms: int


def plan_incidents(
    parameters: Parameters, start_ms: int, days: int
) -> tuple[list[PlannedIncident], list[Incident]]:
    """Give each incident a day of its own in the later part of the window.

    Returns those that have a place, in order of time, and those for which there is no day left.
    """
    first = int(days * parameters.first_incident_at)
    n_days = max(days - 1 - first, 0)
    wanted = parameters.incidents
    placed = wanted[:n_days]
    spacing = max(n_days // len(placed), 1) if placed else 1
    planned = []
    for number, incident in enumerate(placed):
        start = start_ms + (first + number * spacing) * DAY_MS + incident.start_hour * HOUR_MS
        planned.append(PlannedIncident(incident, start, start + int(incident.hours * HOUR_MS)))
    return planned, list(wanted[n_days:])


class Effects:
    """What the planted incidents change, looked up by time."""

    def __init__(self, planned: Sequence[PlannedIncident]) -> None:
        self.planned = list(planned)

    def during(self, times: NDArray[Any], concerns: Callable[[Incident], bool]) -> Bools:
        """Which of the times lie within an incident that `concerns` says yes to."""
        inside = np.zeros(len(times), dtype=np.bool_)
        for plan in self.planned:
            if concerns(plan.incident):
                inside |= (times >= plan.start_ms) & (times < plan.end_ms)
        return inside

    def value(self, times: NDArray[Any], attribute: str, normal: float) -> Floats:
        """Value of a parameter of `Incident` at each of the times; `normal` outside of them."""
        result = np.full(len(times), normal, dtype=np.float64)
        for plan in self.planned:
            value = float(getattr(plan.incident, attribute))
            if value != normal:
                result[(times >= plan.start_ms) & (times < plan.end_ms)] = value
        return result
