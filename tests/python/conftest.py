"""Fixtures of the Python tests. Each test has its own warehouse; none writes into the project."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.project import ROOT, DbtProject, copy_project
from support.small_project import small_project
from support.small_seeds import write_small_seeds

#: How a test runs dbt: `dbt(project, "build", "--select", "int_queries+")`.
DbtRunner = Callable[..., Any]


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    """Take away the variables of the person who runs the tests that would change a result."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("DBT_", "PG")) or (
                name.startswith("LLM_ANALYTICS_") and name != "LLM_ANALYTICS_SHARED"
            ):
                patch.delenv(name)
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        patch.setenv("COLUMNS", "100")
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the project."""
    return ROOT


@pytest.fixture(scope="session")
def manifests() -> dict[str, Any]:
    """Manifests of the project itself on DuckDB, parsed once in the session, by vars."""
    return {}


@pytest.fixture(scope="session")
def postgres_manifests() -> dict[str, Any]:
    """The same on PostgreSQL, for databases named `warehouse`."""
    return {}


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Path of a DuckDB warehouse that does not exist yet."""
    # Always the same name: DuckDB names the database after its file, and dbt's manifest holds it.
    return tmp_path / "warehouse.duckdb"


@pytest.fixture(scope="session")
def make_project(manifests: dict[str, Any]) -> Callable[[Path], DbtProject]:
    """Make a project in place with its warehouse in a given folder, for fixtures of a wider scope.

    For example, with `tmp_path_factory.mktemp("built")` in a module's own fixture.
    """
    return lambda folder: DbtProject(
        ROOT, str(folder / "warehouse.duckdb"), folder / "dbt", manifests
    )


@pytest.fixture
def project(tmp_path: Path, warehouse: Path, manifests: dict[str, Any]) -> DbtProject:
    """The project in place, read only, with its own DuckDB warehouse and target folder."""
    return DbtProject(ROOT, str(warehouse), tmp_path / "dbt", manifests)


@pytest.fixture
def project_copy(tmp_path: Path, warehouse: Path) -> DbtProject:
    """A copy of the project that a test may change before it first runs dbt on it."""
    return DbtProject(copy_project(tmp_path / "project"), str(warehouse), tmp_path / "dbt")


@pytest.fixture(scope="session")
def _small(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    return small_project(tmp_path_factory.mktemp("small"))


@pytest.fixture
def small(_small: DbtProject) -> DbtProject:
    """A copy of the project with invented seeds, parsed once; each test has its own warehouses."""
    write_small_seeds(_small.root)  # an earlier test may have changed them
    return _small


@pytest.fixture
def dbt() -> DbtRunner:
    """Run dbt in this process on a project; fails the test with the nodes that failed."""
    return DbtProject.dbt


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of the maintenance database of a PostgreSQL server that lives for the session."""
    from support.postgres import postgres_server

    with postgres_server() as url:
        yield url


@pytest.fixture
def fresh_postgres_database(postgres_url: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database that only this test uses."""
    from support.postgres import create_database, drop_database

    yield create_database(postgres_url, "warehouse")
    drop_database(postgres_url, "warehouse")


@pytest.fixture
def postgres_project(
    tmp_path: Path, fresh_postgres_database: str, postgres_manifests: dict[str, Any]
) -> DbtProject:
    """The project in place, with an empty PostgreSQL database and its own target folder."""
    return DbtProject(ROOT, fresh_postgres_database, tmp_path / "dbt-postgres", postgres_manifests)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of larger real data sets, which is not a part of the project."""
    given = os.environ.get("LLM_ANALYTICS_SHARED")
    if not given:
        pytest.skip("LLM_ANALYTICS_SHARED does not name a folder of real data sets")
    folder = Path(given)
    if not folder.is_dir():
        pytest.fail(f"LLM_ANALYTICS_SHARED names no folder: {folder}")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by what it starts, so that a selection by marker misses none."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "postgres_url" in fixtures:
            item.add_marker(pytest.mark.postgres)
        if fixtures & {"manifests", "postgres_manifests", "project_copy", "small"}:
            item.add_marker(pytest.mark.dbt)
