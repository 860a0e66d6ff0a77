"""The same marts on every engine: the demo, loaded and built on DuckDB and on PostgreSQL.

In two loads, so that the second build is incremental on both.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_analytics.cli import main
from llm_analytics.simulation import simulate
from support.compare import Snapshot, differing_tables, snapshot
from support.project import DbtProject


def _load_and_build(project: DbtProject, folder: Path, *first_build: str) -> None:
    for part in sorted(folder.glob("load-*")):
        project.load(part)
        project.dbt(*(first_build if part.name == "load-001" else ("run",)))


def _tables(project: DbtProject) -> Snapshot:
    """All but when the loads were made, which no mart shows."""
    return {name: rows for name, rows in snapshot(project).items() if name != "int_load_horizon"}


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


@pytest.mark.postgres
def test_the_demo_gives_the_same_tables_on_postgresql(
    project: DbtProject,
    postgres_project: DbtProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulate(tmp_path / "events", users=60, days=60, seed=7, loads=2)
    models = ("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    _load_and_build(project, tmp_path / "events", *models)
    # All tests pass on PostgreSQL too: those of the definitions and those of the data.
    _load_and_build(postgres_project, tmp_path / "events", "build")
    assert project.query("select count(*) from marts.fct_interactions")[0][0] > 1000
    faults = differing_tables(_tables(project), _tables(postgres_project))
    assert not faults, "\n".join(faults)
    said = [_read(one, monkeypatch, capsys) for one in (project, postgres_project)]
    assert '"n_units": {}' not in said[0][0]
    assert '"is_randomised": true' in said[0][3]
    assert said[0] == said[1]
