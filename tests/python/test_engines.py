"""The same marts on every engine: the same events, loaded and built on DuckDB and on PostgreSQL.

The demo and calls of several recorders in two loads, so that the second build is incremental on
both; real calls in one. (`test_spark.py` does the same on Spark.)
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.simulation import simulate
from support.compare import Snapshot, differing_tables, snapshot
from support.growth import NO_TESTS
from support.made_up_sources import SOURCES, create_tables, write_sources
from support.project import DbtProject
from support.recorders import drawn_parts, land_part
from support.small_project import small_project


def _load_and_build(project: DbtProject, folder: Path, *first_build: str) -> None:
    for part in sorted(folder.glob("load-*")):
        project.load(part)
        project.dbt(*(first_build if part.name == "load-001" else ("run",)))


def _assert_same_tables(project: DbtProject, other: DbtProject) -> None:
    faults = differing_tables(_tables(project), _tables(other))
    assert not faults, "\n".join(faults)


def _tables(project: DbtProject) -> Snapshot:
    """All but when the loads were made, which no mart shows."""
    return {name: rows for name, rows in snapshot(project).items() if name != "int_load_horizon"}


def _differing_marts(published: Path, warehouse: Path) -> list[str]:
    """Which published marts without small cells differ from those of a DuckDB warehouse."""
    with duckdb.connect(published, read_only=True) as reader:
        reader.execute(f"attach '{warehouse}' (read_only)")
        columns: dict[str, list[str]] = {}
        for mart, column in reader.execute(
            "select table_name, column_name from duckdb_columns()"
            " where database_name = current_database() and schema_name = 'marts'"
        ).fetchall():
            columns.setdefault(mart, []).append(column)
        whole = {mart: names for mart, names in columns.items() if "is_suppressed" not in names}
        assert len(whole) > 50
        return [
            mart
            for mart, names in whole.items()
            for here, there in [
                (f"select {', '.join(names)} from marts.{mart}",
                 f"select {', '.join(names)} from {warehouse.stem}.marts.{mart}"),
            ]
            if reader.execute(
                f"(({here}) except all ({there})) union all (({there}) except all ({here}))"
            ).fetchone()
        ]  # fmt: skip


#: What reads an experiment, a pair of models as used, and a pair that an experiment compares.
READINGS = (
    ("significance", "cheaper_model", "--segment", "platform"),
    ("significance", "onboarding_hint", "--method", "bayes"),
    ("compare-models", "gpt-4o", "gpt-4o-mini", "--observational"),
    ("compare-models", "gpt-4o", "gpt-4o-mini"),
)


def _read(
    project: DbtProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What the commands say of experiments and models, for machines."""
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", project.warehouse)
    capsys.readouterr()
    said = []
    for reading in READINGS:
        assert main([*reading, "--json"]) == 0
        said.append(capsys.readouterr().out)
    return said


def _assert_rows_were_counted(project: DbtProject) -> None:
    """No plan went by a guess: neither of a table's rows, nor of those of a marked CTE."""
    uncounted = project.query(
        "select relname from pg_class where relkind = 'r' and reltuples < 0"
        " and relnamespace in ('intermediate'::regnamespace, 'marts'::regnamespace)"
    )
    assert not uncounted
    statements = [
        path.read_text()
        for path in (project.target_path / "run").rglob("*.sql")
        if ".yml/" not in path.as_posix()  # a unit test
    ]
    assert any("alert_windows__deviations" in sql for sql in statements)
    assert not [sql for sql in statements if "/* written down */" in sql]


@pytest.mark.postgres
def test_the_demo_gives_the_same_tables_on_postgresql(
    project: DbtProject,
    postgres_project: DbtProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulate(tmp_path / "events", users=60, days=60, seed=7, loads=2)
    _load_and_build(project, tmp_path / "events", "build", *NO_TESTS)
    # All tests pass on PostgreSQL too: those of the definitions and those of the data.
    _load_and_build(postgres_project, tmp_path / "events", "build")
    _assert_rows_were_counted(postgres_project)
    assert project.query("select count(*) from marts.fct_interactions")[0][0] > 1000
    _assert_same_tables(project, postgres_project)
    said = [_read(one, monkeypatch, capsys) for one in (project, postgres_project)]
    assert '"n_units": {}' not in said[0][0]
    assert '"is_randomised": true' in said[0][3]
    assert said[0] == said[1]


@pytest.mark.long
@pytest.mark.dbt
def test_calls_of_several_recorders_give_the_same_tables_on_postgresql(
    tmp_path: Path, fresh_postgres_database: str
) -> None:
    project = small_project(tmp_path, tuple(SOURCES))
    write_sources(project)
    other = replace(project, warehouse=fresh_postgres_database, manifests={})
    for each in (project, other):
        create_tables(each)
        for load_seq, part in enumerate(drawn_parts(20250106, 60, n_loads=2), start=1):
            land_part(each, load_seq, part)
            each.dbt("build", *NO_TESTS)
    assert project.query("select count(*) from marts.suppressed_calls")[0][0] > 20
    _assert_same_tables(project, other)


@pytest.mark.long
@pytest.mark.postgres
def test_real_calls_give_the_same_tables_on_postgresql(
    project: DbtProject, postgres_project: DbtProject, tmp_path: Path, shared: Path
) -> None:
    path = shared / "data" / "weka_claude_code" / "requests_odd_traces.csv"
    project.command("convert", "claude-code", path, "--out", tmp_path / "events")
    for each in (project, postgres_project):
        each.load(tmp_path / "events")
        each.dbt("build", *NO_TESTS)
    assert project.query("select count(*) from marts.fct_responses")[0][0] > 1000
    _assert_same_tables(project, postgres_project)


@pytest.mark.postgres
@pytest.mark.long
def test_what_is_published_from_postgresql_equals_what_duckdb_holds(
    project: DbtProject,
    postgres_project: DbtProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulate(tmp_path / "events", users=20, days=20, seed=7)
    files = sorted((tmp_path / "events").glob("*.jsonl"))
    project.load(*files)
    project.dbt("build", *NO_TESTS)
    postgres_project.load(*files)
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    # A process of its own, for publishing reads what dbt writes of a build that passed.
    subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", "--exclude-resource-type", "unit_test"],
        cwd=postgres_project.root,
        env={**os.environ, **postgres_project.environment},
        check=True,
    )
    postgres_project.command("publish", "--to", tmp_path / "published")
    published = tmp_path / "published" / "llm_analytics.duckdb"
    # privacy_audit is about what was done when.
    assert _differing_marts(published, Path(project.warehouse)) == ["privacy_audit"]
