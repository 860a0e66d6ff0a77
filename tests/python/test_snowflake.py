"""The same tables by Snowflake's SQL: dbt-snowflake and fakesnow build them, load by load.

fakesnow is no Snowflake: it writes Snowflake's SQL as DuckDB's and runs that. It has an environment
of its own, which `make test-snowflake` makes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from llm_analytics.simulation import simulate
from support.compare import differing_tables, rounded, snapshot, standing
from support.growth import NO_TESTS
from support.project import ROOT, DbtProject

pytestmark = [pytest.mark.long, pytest.mark.dbt, pytest.mark.snowflake]

PYTHON = ROOT / "build" / "snowflake-venv" / "bin" / "python"
RUNNER = Path(__file__).parent / "support" / "snowflake_runner.py"
PROFILE = {
    "type": "snowflake", "account": "fake", "user": "fake", "password": "fake",
    "database": "analytics", "warehouse": "none", "schema": "main", "threads": 1,
}  # fmt: skip

#: Data tests of sums to the last digit, and beyond 64 bits: fakesnow has neither.
OF_EXACT_SUMS = ("money_and_tokens_add_up", "experiment_arm_stats_agrees_with_itself")

#: All but Mixpanel and PostHog: names of their events have a `$`, for fakesnow that of a variable.
SOURCES = ("amplitude", "ga4", "langfuse", "litellm", "otlp", "request_logs")
VARIABLES = {"llm_analytics_sources": list(SOURCES)}


def test_loads_on_fakesnow_give_the_tables_of_a_full_build_on_duckdb(
    project: DbtProject, tmp_path: Path
) -> None:
    if not PYTHON.exists():
        pytest.skip("no environment with fakesnow: `make test-snowflake` makes it")
    simulate(tmp_path / "events", users=20, days=20, seed=7, loads=2)
    sources: list[Path] = []
    for part in sorted((tmp_path / "events").glob("load-*")):
        project.load(part)
        sources.append(tmp_path / f"{part.name}.duckdb")
        shutil.copy(project.warehouse, sources[-1])
    _build_on_fakesnow(sources, tmp_path)

    project.dbt("build", *NO_TESTS, variables=VARIABLES)
    expected = snapshot(project)
    found = {
        table: (columns, _rows(tmp_path, table, columns))
        for table, (columns, _) in expected.items()
    }
    # fakesnow sums exact numbers in floating point too.
    numbers = (Decimal, float, int)
    faults = differing_tables(rounded(expected, numbers), rounded(found, numbers))
    assert not faults, "\n".join(faults)
    assert len(expected["fct_interactions"][1]) > 300
    assert len(expected) > 100


def _build_on_fakesnow(sources: list[Path], folder: Path) -> None:
    """Build what each source holds, with the data tests; all tables become files."""
    profile = {"llm_analytics": {"target": "snowflake", "outputs": {"snowflake": PROFILE}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    arguments: list[str | Path] = [
        "--quiet", "build", "--exclude-resource-type", "unit_test",
        "--exclude", *OF_EXACT_SUMS,
        "--project-dir", ROOT, "--profiles-dir", folder, "--vars", json.dumps(VARIABLES),
        "--target-path", folder / "target", "--log-path", folder / "logs",
    ]  # fmt: skip
    done = subprocess.run(
        [PYTHON, "-W", "ignore", RUNNER, folder / "tables", *sources, "--", *arguments],
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def _rows(folder: Path, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    schema = "intermediate" if table.startswith("int_") else "marts"
    file = folder / "tables" / schema / f"{table}.parquet"
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {', '.join(columns)} from read_parquet('{file}'){standing(columns)}"
        ).fetchall()
