"""Decisions: every combination of what is known has one expected decision."""

from __future__ import annotations

import itertools

import pytest

from llm_analytics.experiments.decision import Decision, Evidence, Guardrails, Primary, decide

SHIP, STOP, WAIT, BROKEN = (
    Decision.SHIP, Decision.DO_NOT_SHIP, Decision.KEEP_RUNNING, Decision.BROKEN,
)  # fmt: skip

#: Of a mature experiment with a sound sample ratio: primary, guardrails, underpowered, powered.
TABLE = [
    ("wins", "held", SHIP, SHIP),
    ("wins", "unclear", WAIT, WAIT),
    ("wins", "harmed", STOP, STOP),
    ("unclear", "held", WAIT, STOP),
    ("unclear", "unclear", WAIT, STOP),
    ("unclear", "harmed", STOP, STOP),
    ("worse", "held", STOP, STOP),
    ("worse", "unclear", STOP, STOP),
    ("worse", "harmed", STOP, STOP),
    ("missing", "held", WAIT, WAIT),
    ("missing", "unclear", WAIT, WAIT),
    ("missing", "harmed", WAIT, WAIT),
]
CASES = [
    (Evidence(is_broken, Primary(primary), Guardrails(guardrails), is_mature, is_powered),
     BROKEN if is_broken else WAIT if not is_mature else expected)
    for primary, guardrails, weak, strong in TABLE
    for is_powered, expected in ((False, weak), (True, strong))
    for is_broken, is_mature in itertools.product((False, True), repeat=2)
]  # fmt: skip


def test_the_table_has_every_combination() -> None:
    assert len({evidence for evidence, _ in CASES}) == len(CASES)
    assert len(CASES) == 2 * 2 * 2 * len(Primary) * len(Guardrails)


@pytest.mark.parametrize(("evidence", "expected"), CASES)
def test_each_combination_has_one_decision(evidence: Evidence, expected: Decision) -> None:
    decision, reason = decide(evidence)
    assert decision is expected
    assert reason
