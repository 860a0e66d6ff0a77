"""The decision of an experiment: a table of what is known, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """What to do now."""

    SHIP = "ship"
    DO_NOT_SHIP = "do not ship"
    KEEP_RUNNING = "keep running"
    BROKEN = "broken: do not read"


class Primary(StrEnum):
    """What the primary metrics show, the worst of them first."""

    WORSE = "worse"
    UNCLEAR = "unclear"
    WINS = "wins"
    MISSING = "missing"


class Guardrails(StrEnum):
    """What the guardrails show, the worst of them first; held where there are none."""

    HARMED = "harmed"
    UNCLEAR = "unclear"
    HELD = "held"


@dataclass(frozen=True)
class Evidence:
    """All that a decision depends on."""

    is_sample_ratio_broken: bool
    primary: Primary
    guardrails: Guardrails
    #: Have all planned units had their whole window, or may this method be read before?
    is_mature: bool
    #: Would an effect that matters have been found with the planned power?
    is_powered: bool


def decide(evidence: Evidence) -> tuple[Decision, str]:
    """The decision and the reason for it. First what forbids reading, then harm, then benefit."""
    if evidence.is_sample_ratio_broken:
        return Decision.BROKEN, "the arms do not have the units they were meant to have"
    if evidence.primary is Primary.MISSING:
        return Decision.KEEP_RUNNING, "no primary metric that has data is declared"
    if not evidence.is_mature:
        return Decision.KEEP_RUNNING, "not all planned units have had their whole window"
    if evidence.primary is Primary.WORSE:
        return Decision.DO_NOT_SHIP, "the primary metric gets worse"
    if evidence.guardrails is Guardrails.HARMED:
        return Decision.DO_NOT_SHIP, "a guardrail gets worse by more than its margin allows"
    if evidence.primary is Primary.WINS:
        if evidence.guardrails is Guardrails.HELD:
            return Decision.SHIP, "the primary metric wins and every guardrail holds"
        return Decision.KEEP_RUNNING, "the primary metric wins, but a guardrail may be harmed"
    if evidence.is_powered:
        return Decision.DO_NOT_SHIP, "an effect that matters would have been found by now"
    return Decision.KEEP_RUNNING, "an effect that matters could still be missed"
