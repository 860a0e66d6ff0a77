"""How well rules find incidents that are known to have happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llm_analytics.alerts.windows import Raised, Window
from llm_analytics.errors import LlmAnalyticsError


@dataclass(frozen=True)
class Known:
    """An incident that happened from start until before end (UTC), and the rule for it."""

    name: str
    rule: str
    start: datetime
    end: datetime

    def is_during(self, start: datetime, end: datetime) -> bool:
        """Does the time from start until before end overlap it?"""
        return start < self.end and end > self.start


@dataclass(frozen=True)
class Finding:
    """Whether the rule of a known incident fired in time."""

    known: Known
    #: Windows of the rule that overlap the incident.
    n_windows: int
    #: Which of these is the first to fire, from 1; None if none does.
    fired_at_window: int | None

    def is_found(self, within: int) -> bool:
        """Did it fire in one of the first so many windows?"""
        return self.fired_at_window is not None and self.fired_at_window <= within


@dataclass(frozen=True)
class Replay:
    """Recall over known incidents, precision over what the rules raised."""

    findings: list[Finding]
    #: Incidents of the rules during no known incident.
    false_alarms: list[Raised]
    n_raised: int
    within: int

    @property
    def n_found(self) -> int:
        """Known incidents whose own rule fired in time."""
        return sum(each.is_found(self.within) for each in self.findings)

    @property
    def recall(self) -> float | None:
        """n_found / known incidents; None without any."""
        return self.n_found / len(self.findings) if self.findings else None

    @property
    def precision(self) -> float | None:
        """Raised during a known incident, whichever / raised; None without any."""
        if not self.n_raised:
            return None
        return 1 - len(self.false_alarms) / self.n_raised


def read_known(path: Path) -> list[Known]:
    """Known incidents of a JSON file: `truth.json` of the simulator, or a list of one's own.

    Each has `name`, `rule`, `start` and `end` (ISO 8601, UTC without an offset). Raises
    LlmAnalyticsError for anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        listed = content["incidents"] if isinstance(content, dict) else content
        return [_known(each) for each in listed]
    except OSError as error:
        raise LlmAnalyticsError(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise LlmAnalyticsError(
            f"{path}: not a list of incidents with name, rule, start and end ({error})"
        ) from error


def replay(
    windows: Sequence[Window], raised: Sequence[Raised], known: Sequence[Known], within: int = 2
) -> Replay:
    """Lay known incidents over what the rules made of the same time.

    What a rule raises during any known incident is no false alarm: an outage is an error too.
    """
    return Replay(
        findings=[_find(each, windows) for each in known],
        false_alarms=[
            each
            for each in raised
            if not any(of.is_during(each.opened_at, each.last_seen_at) for of in known)
        ],
        n_raised=len(raised),
        within=within,
    )


def _find(known: Known, windows: Sequence[Window]) -> Finding:
    of_rule: dict[str | None, list[Window]] = {}
    for each in windows:
        if each.rule == known.rule and known.is_during(each.started_at, each.ended_at):
            of_rule.setdefault(each.value, []).append(each)
    firsts = [
        number
        for of_value in of_rule.values()
        for number, each in enumerate(sorted(of_value, key=lambda one: one.started_at), start=1)
        if each.is_firing
    ]
    return Finding(known, max(map(len, of_rule.values()), default=0), min(firsts, default=None))


def _known(given: dict[str, Any]) -> Known:
    start, end = _moment(given["start"]), _moment(given["end"])
    if start >= end:
        raise ValueError(f"{given['name']} ends before it starts")
    return Known(str(given["name"]), str(given["rule"]), start, end)


def _moment(text: str) -> datetime:
    """A UTC moment without a zone, as the marts have them."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
