"""The same tables on Spark: one lake, built in steps there and at once on DuckDB.

Spark has an environment of its own, which `make test-spark` makes; its tables are read back as the
Parquet files that they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from histories import cut_into_loads, rare_corrections, recipe, seeded
from llm_analytics.simulation import simulate
from support.compare import Snapshot, differing_tables, rounded, snapshot
from support.growth import NO_TESTS
from support.lake import land_in_lake
from support.made_up_sources import SOURCES, create_tables, write_sources
from support.project import ROOT, DbtProject, run_command
from support.raw_tables import create_raw_tables, write_loads
from support.recorders import drawn_parts, land_part
from support.small_project import small_project
from support.small_seeds import CORRECTED_PRICES, write_small_seeds
from support.spark import Days, SparkWarehouse, java_home, skip_without_spark

pytestmark = [pytest.mark.long, pytest.mark.dbt, pytest.mark.spark]

#: Marts keep nothing from one build to the next, so they are built once, at the end.
ZONE_A = ("--select", "+int_interactions")
#: The marts of the core, and those of what several sources recorded.
MARTS = ("--select", "+tag:core", "+suppressed_calls", "+cost_bridge")

#: Knows of a new load, and reads views that do not hold it.
PART = ("int_load_horizon", "int_duplicate_calls", "int_response_matches")

#: Incremental tables that lie in folders by day.
BY_DAY = ("int_session_events", "int_response_matches", "int_feedback_matches", "int_interactions")
#: Views that are written down, with the rows of new loads added to those of others.
APPENDED = ("int_queries__unioned", "int_responses__unioned", "int_product_events__unioned")
N_LOADS = 3
SEED = 20250106


class Built(NamedTuple):
    """A warehouse after several loads, and the days of its incremental tables after each."""

    warehouse: SparkWarehouse
    days: list[dict[str, Days]]
    #: The days that each later load read of them, to write some anew.
    days_read: list[dict[str, set[str]]]
    #: The files of what new loads are appended to, after each.
    appended: list[dict[str, frozenset[str]]]
    #: What a part said that reads views which are older than the load before it.
    refusals: list[str]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """A small product, built on Spark load by load from a lake."""
    skip_without_spark()
    folder = tmp_path_factory.mktemp("spark")
    simulate(folder / "events", users=20, days=20, seed=7, loads=N_LOADS)
    built = Built(SparkWarehouse(folder / "spark", folder / "lake"), [], [], [], [])
    for part in sorted((folder / "events").glob("load-*")):
        done = run_command(["load", "--lake", built.warehouse.lake, part])
        assert done.returncode in (0, 3), done.stderr
        built.warehouse.dbt("run-operation", "mount_lake")
        if built.days:
            with pytest.raises(AssertionError) as refused:
                built.warehouse.dbt("run", "--select", *PART)
            built.refusals.append(str(refused.value))
        built.warehouse.dbt("build", *NO_TESTS, *ZONE_A)
        if built.days:
            built.days_read.append({table: built.warehouse.days_read(table) for table in BY_DAY})
        built.days.append({table: built.warehouse.days(table) for table in BY_DAY})
        built.appended.append(
            {table: built.warehouse.files("intermediate", table) for table in APPENDED}
        )
    built.warehouse.dbt("build", *NO_TESTS)
    yield built
    built.warehouse.close()


def test_loads_on_spark_give_the_tables_of_a_full_build_on_duckdb(
    spark: Built, project: DbtProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(spark.warehouse.lake))
    project.dbt("run-operation", "mount_lake")
    expected = _assert_same_tables(spark.warehouse, project)
    assert len(expected["fct_interactions"][1]) > 300


@pytest.mark.parametrize("table", BY_DAY)
@pytest.mark.parametrize("load", range(1, N_LOADS))
def test_a_load_reads_and_rewrites_exactly_the_days_that_it_changes(
    spark: Built, table: str, load: int
) -> None:
    before, after = spark.days[load - 1][table], spark.days[load][table]
    files = {day for day in before | after if _files(before, day) != _files(after, day)}
    assert files == {day for day in before | after if _rows(before, day) != _rows(after, day)}
    assert before.keys() - files, "every day was written anew"
    assert files & before.keys(), "no day was written anew"
    assert spark.days_read[load - 1][table] == files


@pytest.mark.parametrize("table", APPENDED)
def test_a_load_adds_its_rows_to_a_union_and_rewrites_none(spark: Built, table: str) -> None:
    files = [after[table] for after in spark.appended]
    assert len(files) == N_LOADS
    for before, after in pairwise(files):
        assert before < after


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("unset tblproperties ('llm_analytics.newest_load')", id="half written"),
        pytest.param("set tblproperties ('llm_analytics.made_by' = 'another')", id="other query"),
        pytest.param("set tblproperties ('llm_analytics.newest_load' = '99')", id="restored lake"),
    ],
)
def test_a_union_that_nothing_can_be_added_to_is_made_anew(spark: Built, change: str) -> None:
    """Half written: a run that died has written rows of a load, and not that it holds the load."""
    table, columns = "int_queries__unioned", ("event_id", "user_id", "load_seq")
    rows = sorted(spark.warehouse.rows("intermediate", table, columns), key=repr)
    for statement in (
        f"insert into intermediate.{table} select * from intermediate.{table} where load_seq = 1",
        f"alter table intermediate.{table} {change}",
    ):
        spark.warehouse.dbt("run-operation", "run_query", "--args", json.dumps({"sql": statement}))
    assert len(spark.warehouse.rows("intermediate", table, columns)) > len(rows)
    spark.warehouse.dbt("run", "--select", table)
    assert sorted(spark.warehouse.rows("intermediate", table, columns), key=repr) == rows


def test_a_part_that_would_pass_over_a_load_is_refused(spark: Built) -> None:
    """And loses nothing: the tables equal those of a full build."""
    for load, said in enumerate(spark.refusals, start=2):
        assert f"int_response_matches would pass over load {load}" in said
        assert "dbt build --select +int_response_matches" in said
    assert len(spark.refusals) == N_LOADS - 1


def _files(days: Days, day: str) -> frozenset[str]:
    return days[day].files if day in days else frozenset()


def _rows(days: Days, day: str) -> tuple[object, ...]:
    return days[day].rows if day in days else ()


def test_all_data_tests_pass_on_spark(spark: Built) -> None:
    spark.warehouse.dbt("test", "--exclude-resource-type", "unit_test")


def test_histories_on_spark_give_the_tables_of_a_full_build_on_duckdb(tmp_path: Path) -> None:
    """Nasty histories in shuffled loads, with corrections, and prices that change in between."""
    project = small_project(tmp_path)
    create_raw_tables(project)
    with _spark_beside(project, tmp_path) as warehouse:
        loads = cut_into_loads(recipe(SEED, n_histories=30).events(), N_LOADS, seeded(SEED))
        for load, rare in zip(loads, rare_corrections(), strict=False):
            write_loads(project, [replace(load, events=[*load.events, *rare])])
            is_last = load.load_seq == N_LOADS
            if is_last:
                write_small_seeds(project.root, CORRECTED_PRICES)
            _build_load(warehouse, project, load.load_seq, () if is_last else ZONE_A)
        expected = _assert_same_tables(warehouse, project)
    assert len(expected["int_interactions"][1]) > 150


def test_several_recorders_on_spark_give_the_tables_of_a_full_build_on_duckdb(
    tmp_path: Path,
) -> None:
    """Calls that up to three sources recorded, some corrected later."""
    project = small_project(tmp_path, tuple(SOURCES))
    write_sources(project)
    create_tables(project)
    with _spark_beside(project, tmp_path) as warehouse:
        for load_seq, part in enumerate(drawn_parts(SEED, 60, n_loads=2), start=1):
            land_part(project, load_seq, part)
            _build_load(warehouse, project, load_seq, ZONE_A if load_seq == 1 else MARTS)
        expected = _assert_same_tables(warehouse, project, MARTS)
    assert len(expected["suppressed_calls"][1]) > 20


def test_real_calls_on_spark_give_the_tables_of_duckdb(
    tmp_path: Path, project: DbtProject, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claude Code's calls of some days, as it recorded them, in one load."""
    skip_without_spark()
    path = shared / "data" / "weka_claude_code" / "requests_odd_traces.csv"
    commands: tuple[list[str | Path], ...] = (
        ["convert", "claude-code", path, "--out", tmp_path / "events"],
        ["load", "--lake", tmp_path / "lake", tmp_path / "events"],
    )
    for command in commands:
        done = run_command(command)
        assert done.returncode == 0, done.stderr
    with closing(SparkWarehouse(tmp_path / "spark", tmp_path / "lake")) as warehouse:
        warehouse.dbt("run-operation", "mount_lake")
        warehouse.dbt("build", *NO_TESTS, *MARTS)
        monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(warehouse.lake))
        project.dbt("run-operation", "mount_lake")
        expected = _assert_same_tables(warehouse, project, MARTS)
    assert len(expected["fct_responses"][1]) > 1000


def test_the_benchmark_of_engines_finds_the_same_figures_on_all(tmp_path: Path) -> None:
    skip_without_spark()
    table, results = tmp_path / "engines.md", tmp_path / "results"
    command: list[str | Path] = [
        sys.executable, ROOT / "bench" / "bench_engines.py", "--interactions", "3000",
        "--work", tmp_path, "--markdown", table, "--results", results,
    ]  # fmt: skip
    environment = {
        **os.environ, "JAVA_HOME": java_home() or "", "PYTHONPATH": f"{ROOT}/tests/python"
    }  # fmt: skip

    def measured() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)

    done = measured()
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in table.read_text().splitlines()[2:]]
    assert [row[1] for row in rows] == ["duckdb", "postgres", "spark"]
    # Another run reads what this one kept; figures that disagree are named.
    kept = results / "3000-spark.json"
    kept.write_text(re.sub(r'("sessions": )"\d+"', r'\1"1"', kept.read_text()))
    again = measured()
    assert again.returncode == 1
    assert re.search(r"disagreement: sessions: \d+ in the marts, 1 in spark", again.stderr)
    assert [line.split(" | ") for line in table.read_text().splitlines()[2:]] == rows


def _spark_beside(project: DbtProject, folder: Path) -> closing[SparkWarehouse]:
    """Spark for a project whose raw tables are in DuckDB, and go to a lake load by load."""
    skip_without_spark()
    return closing(SparkWarehouse(folder / "spark", folder / "lake", project.root))


def _build_load(
    warehouse: SparkWarehouse, project: DbtProject, load_seq: int, selection: Sequence[str]
) -> None:
    land_in_lake(project.warehouse, warehouse.lake, load_seq)
    warehouse.dbt("run-operation", "mount_lake")
    warehouse.dbt("build", *NO_TESTS, *selection)


def _assert_same_tables(
    warehouse: SparkWarehouse, project: DbtProject, selection: Sequence[str] = ()
) -> Snapshot:
    """Build all at once on DuckDB; every table of it is on Spark too, row for row."""
    project.dbt("build", *NO_TESTS, *selection)
    expected = snapshot(project)
    # Java and C do not round the last digit of a power or a root alike.
    faults = differing_tables(rounded(expected), rounded(warehouse.snapshot(expected)))
    assert not faults, "\n".join(faults)
    return expected
