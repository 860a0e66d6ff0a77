"""Over many simulated products, the marts' rates are the planted ones as often as intervals say.

The counts come from marts; what is true comes from `truth.json`, by formula. A 95 % interval may
miss in one product of twenty: what is asserted is that no metric misses more often than chance
allows, with Bonferroni's correction over the metrics. Incidents are off; late, duplicated, skewed
and malformed events are on. Seeds and sizes were fixed before the first run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scipy import stats

from llm_analytics.simulation import simulate
from llm_analytics.statistics.proportions import Counts, wilson_interval
from support.project import DbtProject

pytestmark = pytest.mark.dbt

#: Chance of a false alarm of a whole test.
ALPHA = 0.01
MARTS = (
    "retention_by_cohort",
    "activation_by_cohort",
    "model_performance_daily",
    "reliability_daily",
    "abandonment_by_end_state",
    "survey_waves",
    "fct_interactions",
)


class Rate(NamedTuple):
    """A rate as the marts show it, and as it was planted."""

    successes: int
    trials: int
    planted: float

    def interval(self, level: float) -> tuple[float, float]:
        """Wilson's interval at a level, such as 0.95."""
        critical = float(stats.norm.isf((1 - level) / 2))
        return wilson_interval(Counts(self.successes, self.trials), critical)

    def is_covered(self, level: float) -> bool:
        """Does the interval hold the planted rate?"""
        low, high = self.interval(level)
        return low <= self.planted <= high

    def relative_half_width(self, level: float) -> float:
        """Half of the interval's width over the planted rate."""
        low, high = self.interval(level)
        return (high - low) / 2 / self.planted


def _rates(project: DbtProject, events: Path, users: int, days: int, seed: int) -> dict[str, Rate]:
    """Simulate a product, load it, build the marts, and read each planted rate from them."""
    truth = simulate(events, users, days, seed, with_incidents=False).truth
    planted = truth["planted"]
    _leave_out_other_goals(events, truth)
    project.load(*sorted(events.glob("*.jsonl")))
    project.dbt("seed")
    project.dbt("run", "--select", *(f"+{mart}" for mart in MARTS))
    return {
        **_retention(project, planted),
        **_counts(project, planted),
        **_abandonment(project, planted),
        **_votes(project, planted),
    }


def _leave_out_other_goals(events: Path, truth: dict[str, Any]) -> None:
    """Keep the one goal that sessions were planted to reach: any goal completes a session."""
    names = {experiment["goal"] for experiment in truth["experiments"] if "goal" in experiment}
    path = events / "product_events.jsonl"
    kept = [
        line
        for line in path.read_bytes().splitlines(keepends=True)
        if not any(f'"{name}"'.encode() in line for name in names)
    ]
    path.write_bytes(b"".join(kept))


def _retention(project: DbtProject, planted: dict[str, Any]) -> dict[str, Rate]:
    found = project.query(
        "select day_number, sum(n_retained), sum(n_eligible) from marts.retention_by_cohort"
        " where is_mature and day_number in (1, 7, 30) group by day_number"
    )
    return {
        f"retention_d{day}": Rate(int(k), int(n), planted["retention"][f"day_{day}"])
        for day, k, n in found
    }


def _counts(project: DbtProject, planted: dict[str, Any]) -> dict[str, Rate]:
    """Rates that stand as two counts in one mart."""
    queries = {
        "activation_rate": (
            "select sum(n_activated), sum(n_mature) from marts.activation_by_cohort"
            " where step is null",
            planted["activation_rate"],
        ),
        "attempt_error_rate": (
            "select sum(n_failed), sum(n_attempts) from marts.model_performance_daily",
            planted["attempt_error_rate"],
        ),
        "user_error_rate": (
            "select sum(n_failed_queries), sum(n_mature_queries) from marts.reliability_daily",
            planted["user_error_rate"],
        ),
        "csat": (
            "select sum(n_top), sum(n_valid) from marts.survey_waves where survey = 'csat'",
            planted["csat"]["observed"],
        ),
    }
    found = project.query_all([sql for sql, _ in queries.values()])
    return {
        name: Rate(int(k), int(n), true)
        for (name, (_, true)), [(k, n)] in zip(queries.items(), found, strict=True)
    }


def _abandonment(project: DbtProject, planted: dict[str, Any]) -> dict[str, Rate]:
    """Of the sessions that ended in a state, those that had not reached their goal."""
    found = project.query(
        "select end_state, n_abandoned, n_last from marts.abandonment_by_end_state"
    )
    goals = planted["goal_rate_by_end_state"]
    return {f"abandoned_{state}": Rate(k, n, 1 - goals[state]) for state, k, n in found}


def _votes(project: DbtProject, planted: dict[str, Any]) -> dict[str, Rate]:
    """Votes over all models; what is expected is weighted by how much each model answered."""
    found = project.query(
        "select model, count(*), count(thumbs), sum(case when thumbs = 'up' then 1 else 0 end)"
        " from marts.fct_interactions where is_answered group by model"
    )
    models = planted["models"]
    known = [(models[model], *counts) for model, *counts in found if model in models]
    n_answers, n_rated, n_up = (sum(row[place] for row in known) for place in (1, 2, 3))
    rated = sum(true["thumbs_response_rate"] * answers for true, answers, _, _ in known)
    up = sum(true["thumbs_up_ratio"] * votes for true, _, votes, _ in known)
    return {
        "response_rate": Rate(int(n_rated), int(n_answers), rated / n_answers),
        "thumbs_ratio": Rate(int(n_up), int(n_rated), up / n_rated),
    }


MakeProject = Callable[[Path], DbtProject]


def test_a_product_shows_what_was_planted(make_project: MakeProject, tmp_path: Path) -> None:
    found = _rates(make_project(tmp_path), tmp_path / "events", users=120, days=60, seed=1)
    assert len(found) == 14
    level = 1 - ALPHA / len(found)
    missed = {name: rate for name, rate in found.items() if not rate.is_covered(level)}
    assert not missed


@pytest.mark.long
def test_intervals_cover_the_planted_rate_at_their_level(
    make_project: MakeProject, tmp_path: Path
) -> None:
    n_seeds, missed = 20, dict[str, list[int]]()
    for seed in range(1, n_seeds + 1):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        found = _rates(make_project(folder), folder / "events", users=120, days=60, seed=seed)
        for name, rate in found.items():
            missed.setdefault(name, []).extend([] if rate.is_covered(0.95) else [seed])
    chance = {
        name: float(stats.binom.sf(len(seeds) - 1, n_seeds, 0.05)) for name, seeds in missed.items()
    }
    print(f"\nproducts of {n_seeds} that a 95 % interval missed: {missed}")
    assert min(chance.values()) >= ALPHA / len(chance), missed


@pytest.mark.long
def test_a_large_product_shows_narrow_intervals(make_project: MakeProject, tmp_path: Path) -> None:
    found = _rates(make_project(tmp_path), tmp_path / "events", users=3000, days=60, seed=101)
    widths = {name: round(rate.relative_half_width(0.95), 4) for name, rate in found.items()}
    print(f"\nhalf-widths over the rate: {widths}")
    level = 1 - ALPHA / len(found)
    assert [name for name, rate in found.items() if not rate.is_covered(level)] == []
    assert max(widths.values()) <= 0.1, widths
