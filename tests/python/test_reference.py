"""Definitions twice: what dbt builds from nasty histories equals a plain Python reference."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from histories import Recipe, recipe, worlds
from reference.check import FACTS, build, compare_facts, compare_marts
from support.project import DbtProject
from support.raw_tables import RawEvent
from support.small_project import at

pytestmark = pytest.mark.dbt


def test_what_dbt_builds_equals_the_reference(small: DbtProject, tmp_path: Path) -> None:
    numbers = count()

    @settings(
        max_examples=3,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=worlds())
    def check(drawn: Recipe) -> None:
        fresh = at(small, tmp_path / str(next(numbers)))
        world = build(fresh, drawn.events())
        compare_facts(fresh, world)
        compare_marts(fresh, world)

    check()


def test_an_implied_query_is_that_of_the_content_of_its_call_that_stands(
    small: DbtProject, tmp_path: Path
) -> None:
    fresh = at(small, tmp_path / "implied")
    events = [
        RawEvent(
            "responses",
            {
                "event_id": f"r{number}",
                "timestamp": 1736121600000 + number,
                "user_id": user,
                "implies_query": True,
                "output_tokens": number,
            },
        )
        for number in range(20)
        for user in ("ann", "bob")
    ]
    compare_facts(fresh, build(fresh, events, FACTS))


def test_without_any_query_nothing_is_over(small: DbtProject, tmp_path: Path) -> None:
    fresh = at(small, tmp_path / "no-queries")
    events = [event for event in recipe(5).events() if event.stream in ("feedback", "identities")]
    world = build(fresh, events)
    assert world.as_of["queries"] is None
    compare_facts(fresh, world)
    compare_marts(fresh, world)
