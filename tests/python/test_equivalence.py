"""Incremental equals full: whatever the order of loads, the tables are those of one full build.

A world of many nasty histories is cut into shuffled, overlapping, late loads. After each load comes
a build: of everything, or of some models only, as when a run dies. In between an empty load arrives
and somebody corrects prices. Then every table must equal, row for row, that of a fresh warehouse
which holds the same raw tables and was built once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from histories import cut_into_loads, recipe, seeded
from support.compare import differing_tables
from support.project import DbtProject
from support.raw_tables import Load, create_raw_tables, write_loads
from support.small_project import at, small_project
from support.small_seeds import CORRECTED_PRICES, PRICES, write_small_seeds

#: What a build may be left with when only some models ran.
PARTS: tuple[tuple[str, ...], ...] = (
    ("int_load_horizon", "int_queries", "int_session_events"),
    ("int_load_horizon", "int_queries", "int_interactions"),
    ("int_load_horizon", "int_responses", "int_response_matches"),
    ("+int_response_matches",),
    ("+int_feedback_matches",),
    ("int_load_horizon", "int_identities", "int_session_events"),
    ("int_load_horizon", "int_feedback", "int_feedback_matches", "int_interactions"),
    ("int_interactions",),
    ("int_load_horizon",),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """A copy of the project with invented seeds."""
    return small_project(tmp_path_factory.mktemp("equivalence"))


def grow(project: DbtProject, loads: Sequence[Load], random: Random) -> list[str]:
    """Load and build step by step; returns what was done, for the message of a failure."""
    done = []
    create_raw_tables(project)
    corrected_after = random.randrange(1, len(loads))
    write_small_seeds(project.root, PRICES)
    project.dbt("seed")
    for number, load in enumerate(loads, start=1):
        write_loads(project, [load])
        if number > 1 and random.random() < 0.4:
            part = random.choice(PARTS)
            project.dbt("run", "--select", *part)
            done.append(f"load {number}, build {' '.join(part)}")
            if random.random() < 0.5 and number < len(loads):
                continue
        if number == corrected_after + 1:
            write_small_seeds(project.root, CORRECTED_PRICES)
            project.dbt("seed", "--select", "model_prices")
            done.append("correct prices")
        project.dbt("run")
        done.append(f"load {number}, build")
    return done


def check(project: DbtProject, folder: Path, seed: int, n_histories: int, n_loads: int) -> None:
    """Grow one warehouse, build another at once, and compare all that both hold."""
    random = seeded(seed)
    loads = cut_into_loads(recipe(seed, n_histories).events(), n_loads, random)
    grown, fresh = at(project, folder / "grown"), at(project, folder / "fresh")
    done = grow(grown, loads, random)
    create_raw_tables(fresh)
    write_loads(fresh, loads)
    fresh.dbt("seed")
    fresh.dbt("run")
    faults = differing_tables(grown, fresh)
    assert not faults, "\n".join([f"seed {seed}: {'; '.join(done)}", *faults])


@pytest.mark.parametrize("seed", range(1))
def test_incremental_equals_full(project: DbtProject, tmp_path: Path, seed: int) -> None:
    check(project, tmp_path, seed, n_histories=40, n_loads=5)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 108))
def test_incremental_equals_full_often(project: DbtProject, tmp_path: Path, seed: int) -> None:
    check(project, tmp_path, seed, n_histories=40, n_loads=6)
