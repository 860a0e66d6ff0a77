"""Incremental equals full: whatever the order of loads, the tables are those of one full build.

Hypothesis draws timelines (`timelines.py`): many nasty histories, cut into shuffled, overlapping,
late loads, with prices and aliases that change between builds, builds of some models only, and
builds that break in the middle. After each load comes a build. Then every mart and every table of
zone A must equal, `EXCEPT ALL` both ways, that of a fresh warehouse which holds the same raw tables
and was built once.

A build takes seconds however little it builds, so the histories of a timeline stand side by side in
one warehouse: their ids carry a prefix, so that they have nothing to do with each other, and a row
that differs says whose it is. Only that history is then shrunk, again with many smaller variants in
one build. dbt runs in this process, with one parsed manifest.

A situation that never occurs proves nothing: `ingredients.py` counts what had its effect.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ingredients import INGREDIENTS, ingredients
from support.growth import Fresh, check_equivalence
from support.project import DbtProject
from support.small_project import at, small_project
from timelines import Timeline, timelines

pytestmark = pytest.mark.dbt


def _check_timelines(fresh: Fresh, n_timelines: int, n_histories: int) -> Counter[str]:
    """Check so many timelines, and count what happened in them."""
    found: Counter[str] = Counter()

    # `support.growth` shrinks, many variants at a time.
    @settings(
        max_examples=n_timelines,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=timelines(n_histories))
    def check(drawn: Timeline) -> None:
        found.update(ingredients(drawn), timelines=1, histories=len(drawn.histories))
        check_equivalence(fresh, drawn)

    check()
    return found


def _fresh(small: DbtProject, folder: Path) -> Fresh:
    numbers = count()
    return lambda name: at(small, folder / f"{next(numbers)}-{name}")


def test_incremental_equals_full(small: DbtProject, tmp_path: Path) -> None:
    found = _check_timelines(_fresh(small, tmp_path), n_timelines=1, n_histories=48)
    missing = [name for name in INGREDIENTS if not found[name]]
    assert not missing, f"never happened: {', '.join(missing)}"
    assert found["histories"] >= 20


@pytest.mark.long
def test_incremental_equals_full_often(small: DbtProject, tmp_path: Path) -> None:
    found = _check_timelines(_fresh(small, tmp_path), n_timelines=15, n_histories=20)
    assert min(found[name] for name in INGREDIENTS) >= 5, found
    assert found["histories"] >= 300


def _check_on_postgres(folder: Path, url: str, n_timelines: int, n_histories: int) -> None:
    from support.postgres import create_database, drop_database

    project = replace(small_project(folder), manifests={})

    def fresh(_: str) -> DbtProject:
        return replace(project, warehouse=create_database(url, "warehouse"))

    _check_timelines(fresh, n_timelines, n_histories)
    drop_database(url, "warehouse")


@pytest.mark.long
def test_incremental_equals_full_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    _check_on_postgres(tmp_path, postgres_url, n_timelines=5, n_histories=12)
