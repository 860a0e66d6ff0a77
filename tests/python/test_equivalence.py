"""Incremental equals full: whatever the order of loads, the tables are those of one full build.

A world of many nasty histories is cut into shuffled, overlapping, late loads. After each load comes
a build: of everything, or of some models only, as when a run dies. In between an empty load arrives
and somebody corrects prices. Then every table must equal, row for row, that of a fresh warehouse
which holds the same raw tables and was built once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.equivalence import check
from support.project import DbtProject
from support.small_project import at, small_project

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """A copy of the project with invented seeds."""
    return small_project(tmp_path_factory.mktemp("equivalence"))


@pytest.mark.parametrize("seed", [1, 2])
def test_incremental_equals_full(small: DbtProject, tmp_path: Path, seed: int) -> None:
    check(lambda name: at(small, tmp_path / name), seed, n_histories=30, n_loads=4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 108))
def test_incremental_equals_full_often(small: DbtProject, tmp_path: Path, seed: int) -> None:
    check(lambda name: at(small, tmp_path / name), seed, n_histories=40, n_loads=6)


def test_incremental_equals_full_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    from support.postgres import create_database, drop_database

    project = replace(small_project(tmp_path), manifests={})
    check(
        lambda _: replace(project, warehouse=create_database(postgres_url, "warehouse")),
        seed=3,
        n_histories=30,
        n_loads=4,
    )
    drop_database(postgres_url, "warehouse")
