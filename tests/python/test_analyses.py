"""Worked questions (analyses/) over a simulated product: each finds what was planted in it.

Bounds are four standard errors of the planted rate; seed and bounds were fixed before the first
run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from support.project import DbtProject

Rows = list[dict[str, Any]]
STANDARD_ERRORS = 4.0


@dataclass
class World:
    """A built product, and what is true of it."""

    project: DbtProject
    events: Path
    truth: dict[str, Any]

    @property
    def planted(self) -> dict[str, Any]:
        """Rates that follow from the parameters."""
        return dict(self.truth["planted"])

    def incident_date(self, name: str) -> date:
        """The UTC date on which an incident was planted."""
        (start,) = (each["start"] for each in self.truth["incidents"] if each["name"] == name)
        return date.fromisoformat(start[:10])

    def read(self, stream: str) -> Iterator[dict[str, Any]]:
        """The good lines of a stream, as they were written."""
        for line in (self.events / f"{stream}.jsonl").read_bytes().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


# The world is built once, by one of pytest's workers.
pytestmark = pytest.mark.xdist_group("analyses")


@pytest.fixture(scope="module")
def world(
    make_project: Callable[[Path], DbtProject], tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = tmp_path_factory.mktemp("planted")
    project = make_project(folder)
    events = folder / "events"
    simulated = ("--users", "300", "--days", "60", "--seed", "7")
    project.command("simulate", "--out", events, *simulated)
    project.load(*sorted(events.glob("*.jsonl")))
    # Tests are not asked for: they would need models that no analysis reads.
    without = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    project.dbt("build", "--select", "+resource_type:analysis", *without)
    project.dbt("compile", "--select", "resource_type:analysis")
    return World(project, events, json.loads((events / "truth.json").read_text()))


def is_near(successes: int, trials: int, low: float, high: float | None = None) -> bool:
    """Is a count within the bounds of a binomial of a rate, or of rates from low to high?"""
    high = low if high is None else high
    below, above = (
        STANDARD_ERRORS * math.sqrt(rate * (1 - rate) * trials) + 0.5 for rate in (low, high)
    )
    return trials > 0 and low * trials - below <= successes <= high * trials + above


def reached_goals(rows: Rows, world: World) -> None:
    planted = world.planted["goal_rate_by_end_state"]
    assert {row["end_state"] for row in rows} == planted.keys()
    for row in rows:
        rate = planted[row["end_state"]]
        assert is_near(row["n_completed"], row["n_known_outcomes"], rate), row
    assert rows[0]["end_state"] == "normal"


def came_back(rows: Rows, world: World) -> None:
    assert [row["day_number"] for row in rows] == [0, 1, 3, 7, 14, 30]
    for row in rows[1:]:
        rate = world.planted["retention"][f"day_{row['day_number']}"]
        assert is_near(row["n_retained"], row["n_eligible"], rate), row
    shares = [row["share_with_goal"] for row in rows]
    # Most sessions end well, with a goal in half of them, and a first day has one at least.
    assert shares == sorted(shares)
    assert 0.4 < shares[0] < shares[-1] <= 1


def worst_days(rows: Rows, world: World) -> None:
    assert rows[0]["date_day"] == world.incident_date("worse_answers")
    assert rows[0]["n_errors_off"] < -STANDARD_ERRORS


def money_left(rows: Rows, world: World) -> None:
    hourly = sum(rate for _, rate in world.truth["parameters"]["resources"])
    # A machine has its costs in every hour, and the first day and the last one are whole.
    whole = [row for row in rows if row["n_days"] >= 28]
    assert whole
    for row in whole:
        assert float(row["infrastructure_cost_usd"]) == pytest.approx(hourly * 24 * row["n_days"])
    for row in rows:
        costs = row["model_cost_usd"] + row["infrastructure_cost_usd"]
        assert row["left_over_usd"] == row["revenue_usd"] - costs
        assert row["left_over_usd"] < 0


def worst_causes(rows: Rows, world: World) -> None:
    assert {rows[0]["end_state"], rows[1]["end_state"]} == {"unanswered", "error"}
    assert [row["end_state"] for row in rows[2:]] == ["negative_feedback", "slow"]
    users = [
        rates
        for kind, rates in world.planted["abandonment_rate"].items()
        if kind not in ("bot", "internal")
    ]
    for row in rows:
        rates = [of_type[row["end_state"]] for of_type in users]
        assert is_near(row["n_abandoned"], row["n_interactions"], min(rates), max(rates)), row


def costliest_waste(rows: Rows, world: World) -> None:
    # After a normal answer 0.11 refine, 0.55 of them by asking again; 0.03 have a thumb down.
    assert [row["reason"] for row in rows[:2]] == ["regenerated", "disliked"]
    kinds = dict(world.truth["parameters"]["refinement_kinds"])
    refined = world.planted["refinement_rate_by_previous_end_state"]["normal"]
    expected = refined * (kinds["regenerate"] + kinds["edit"])
    assert rows[0]["share_of_cost"] == pytest.approx(expected, rel=0.35)


def first_gap(rows: Rows, world: World) -> None:
    # The simulated product tracks everything but the completeness of answers.
    assert "completeness" in rows[0]["missing"]
    assert all(row["missing"] is None for row in rows[1:])


def worth_reading(rows: Rows, world: World) -> None:
    assert len(rows) == 20
    threads = {
        each.get("response_id"): each.get("conversation_id") for each in world.read("responses")
    }
    # A bare tracker tells of no conversation: the session is one.
    disliked = {
        threads.get(each.get("response_id", "")) or each.get("session_id")
        for each in world.read("feedback")
        if each.get("feedback_type") == "thumbs_down"
    }
    assert {row["conversation_id"] for row in rows} <= disliked


def no_success_by_length(rows: Rows, world: World) -> None:
    n_completed = sum(row["n_completed"] for row in rows)
    overall = n_completed / sum(row["n_known_outcomes"] for row in rows)
    assert len(rows) == 5
    for row in rows:
        assert is_near(row["n_completed"], row["n_known_outcomes"], overall), row


def first_turns(rows: Rows, world: World) -> None:
    # A session is as likely to be given up after its second query as after its first: after a
    # normal answer 0.06 to 0.15 of users, by their type, and more after others.
    assert [row["turn_number"] for row in rows[:2]] == [1, 2]
    for row in rows[:5]:
        assert is_near(row["n_abandoned"], row["n_reached"], 0.06, 0.16), row


def more_to_come(rows: Rows, world: World) -> None:
    # Users go on paying for as long as they stay, and no cohort is better than another.
    assert [row["day_number"] for row in rows] == list(range(7, 7 * len(rows) + 1, 7))

    def miss(of: str) -> float:
        misses = (row["n_users"] * abs(row[of] - row["lifetime_value_usd"]) for row in rows)
        return float(sum(misses))

    assert miss("projected_value_usd") < miss("value_if_nothing_more_comes_usd")


CHECKS: Mapping[str, Callable[[Rows, World], None]] = {
    "are_users_achieving_their_goals": reached_goals,
    "is_the_product_of_value": came_back,
    "is_quality_kept": worst_days,
    "is_the_product_sustainable": money_left,
    "where_can_we_improve": worst_causes,
    "what_to_track_next": first_gap,
    "which_conversations_to_read": worth_reading,
    "what_is_money_wasted_on": costliest_waste,
    "is_more_use_more_success": no_success_by_length,
    "where_sessions_end": first_turns,
    "how_good_are_projections": more_to_come,
}


@contextmanager
def told(name: str, failures: list[str]) -> Iterator[None]:
    """Notes what fails inside, so that one question does not hide the others."""
    try:
        yield
    except AssertionError as error:
        failures.append(f"{name}: {error}")


@pytest.mark.long
def test_each_question_has_the_planted_answer(world: World, root: Path) -> None:
    """One test for all: the world is built once, whatever process runs which test."""
    assert {path.stem for path in (root / "analyses").glob("*.sql")} == CHECKS.keys()
    compiled = world.project.target_path / "compiled" / "llm_analytics" / "analyses"
    failures: list[str] = []
    for name, check in CHECKS.items():
        with told(name, failures):
            check(world.project.records((compiled / f"{name}.sql").read_text()), world)
    assert not failures, "\n\n".join(failures)
