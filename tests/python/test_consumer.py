"""tests/consumer: a project that installs this one as a package, and wants some of it otherwise."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.cli.main import dbtRunner

from support.project import DbtProject, Row, copy_project
from support.spark import SparkWarehouse, skip_without_spark


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A git repository of this project as it stands, and its only revision."""
    folder = copy_project(tmp_path_factory.mktemp("repository"))

    def git(*arguments: str) -> str:
        own = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        command = ["git", *own, "-C", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--no-verify", "--message", "as it stands")
    return folder, git("rev-parse", "HEAD")


def installed(root: Path, folder: Path, package: dict[str, Any]) -> Path:
    """A copy of the consumer with the package installed."""
    acme = shutil.copytree(root / "tests" / "consumer", folder / "acme")
    (acme / "packages.yml").write_text(yaml.safe_dump({"packages": [package]}))
    place = ("--project-dir", str(acme), "--profiles-dir", str(acme))
    done = dbtRunner().invoke(["--quiet", "deps", *place])
    assert done.success, done.exception
    return acme


def use_our_profile(root: Path, acme: Path, target: str) -> None:
    """Engines other than DuckDB by the profile of the package, in the schema of the consumer."""
    ours = yaml.safe_load((root / "profiles.yml").read_text())["llm_analytics"]
    ours["outputs"][target]["schema"] = "main"
    (acme / "profiles.yml").write_text(yaml.safe_dump({"acme": ours}))


def consumer(
    root: Path, folder: Path, package: dict[str, Any], warehouse: str | None = None
) -> DbtProject:
    """The consumer with the package installed, and its own tables written."""
    acme = installed(root, folder, package)
    project = DbtProject(acme, warehouse or str(folder / "warehouse.duckdb"), folder / "dbt")
    if project.is_postgres:
        use_our_profile(root, acme, "postgres")
    # Mapped tables are there before a build, as in a warehouse of a team.
    project.dbt("seed", "--select", "package:acme")
    return project


CALLS = ("source", "cost_usd", "is_success")


def assert_all_is_otherwise(calls: list[Row], questions_by_day: list[Row]) -> None:
    """Tables, price, definition and zone are the consumer's."""
    # 1000 tokens at 3 dollars and 100 at 20 a million; a filtered answer is a success here.
    assert sorted(calls) == [
        ("tables", Decimal("0.005"), True),
        ("tables", Decimal("0.006"), True),
    ]
    # 23:30 in London is the next day in Berlin, and 22:30 is not.
    assert sorted(questions_by_day) == [(date(2026, 1, 5), 1), (date(2026, 1, 6), 1)]


def assert_all_is_otherwise_in(project: DbtProject) -> None:
    """The same of a warehouse that answers queries."""
    assert_all_is_otherwise(
        project.query(f"select {', '.join(CALLS)} from llm_marts.fct_responses"),
        project.query("select activity_date, n_questions from main.questions_by_day"),
    )


def test_the_package_of_the_example_is_this_project(root: Path) -> None:
    folder = root / "tests" / "consumer"
    (package,) = yaml.safe_load((folder / "packages.yml").read_text())["packages"]
    assert (folder / package["local"]).resolve() == root.resolve()


def test_the_core_builds_by_git_revision(
    root: Path, tmp_path: Path, repository: tuple[Path, str]
) -> None:
    folder, revision = repository
    project = consumer(root, tmp_path, {"git": folder.as_uri(), "revision": revision})
    project.dbt("build", "--select", "+tag:core", "questions_by_day")
    assert_all_is_otherwise_in(project)
    # The dozen and what they stand on, no more.
    marts = project.relations("llm_marts")
    assert 12 <= len(marts) <= 16, marts
    assert "fct_interactions" in marts
    assert project.relations("marts") == []


@pytest.mark.long
def test_all_of_it_builds_by_local_path(root: Path, tmp_path: Path) -> None:
    project = consumer(root, tmp_path, {"local": str(root)})
    project.dbt("build")
    assert_all_is_otherwise_in(project)
    marts = set(project.relations("llm_marts"))
    assert {"headline_metrics", "metric_computability", "pain_points", "cost_daily"} <= marts
    assert not {mart for mart in marts if mart.startswith("experiment_")}
    assert not {"metrics_daily", "alert_events", "incidents"} & marts


@pytest.mark.long
def test_the_core_builds_on_postgresql_as_it_does_here(
    root: Path, tmp_path: Path, fresh_postgres_database: str
) -> None:
    project = consumer(root, tmp_path, {"local": str(root)}, fresh_postgres_database)
    project.dbt("build", "--select", "+tag:core", "questions_by_day")
    assert_all_is_otherwise_in(project)
    # By the dispatch of `dbt` the package writes CTEs down there too.
    written = (project.target_path / "run").rglob("int_response_matches.sql")
    assert "int_response_matches__candidates" in next(written).read_text()


@pytest.mark.long
@pytest.mark.spark
def test_the_core_builds_on_spark_as_it_does_here(root: Path, tmp_path: Path) -> None:
    """Twice: the second build changes nothing of it, and appends where a model of ours says so."""
    skip_without_spark()
    acme = installed(root, tmp_path, {"local": str(root)})
    use_our_profile(root, acme, "spark")
    with closing(SparkWarehouse(tmp_path / "spark", tmp_path / "lake", acme)) as warehouse:
        warehouse.dbt("seed", "--select", "package:acme")
        for build in (1, 2):
            warehouse.dbt("build", "--select", "+tag:core", "questions_by_day", "questions_logged")
            assert len(warehouse.rows("main", "questions_logged", ("question_id",))) == 2 * build
            assert_all_is_otherwise(
                warehouse.rows("llm_marts", "fct_responses", CALLS),
                warehouse.rows("main", "questions_by_day", ("activity_date", "n_questions")),
            )
