"""An upgrade with data in place: what an older release landed gives the marts of a fresh load.

`upgrade/raw.sql` is the schema `raw` as an early release left it, columns and rows, frozen.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.compare import Snapshot, differing_tables, snapshot
from support.growth import NO_TESTS
from support.project import DbtProject
from support.small_project import at

FOLDER = Path(__file__).parent / "upgrade"
LOADED, LATER = FOLDER / "loaded.jsonl", FOLDER / "later.jsonl"


def _load(project: DbtProject, path: Path) -> tuple[int, int]:
    """Loads a file; returns how many of its lines were accepted, and were there already."""
    project.load(path)
    ((accepted, duplicates),) = project.query(
        "select n_accepted, n_duplicates from raw.loads order by load_seq desc limit 1"
    )
    return accepted, duplicates


def _built(project: DbtProject) -> Snapshot:
    """All tables of a build but the one that tells when a load was made."""
    project.dbt("build", *NO_TESTS)
    return {name: rows for name, rows in snapshot(project).items() if name != "int_load_horizon"}


def _columns(project: DbtProject) -> set[tuple[str, str]]:
    return set(
        project.query(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'raw'"
        )
    )


@pytest.fixture
def upgraded(project: DbtProject, tmp_path: Path) -> DbtProject:
    """A warehouse as the older release left it."""
    found = at(project, tmp_path / "upgraded")
    found.execute((FOLDER / "raw.sql").read_text())
    return found


def test_data_in_place_give_the_marts_of_a_fresh_load(
    project: DbtProject, upgraded: DbtProject, tmp_path: Path
) -> None:
    """Built, then the same file again, and events that fall in between those that were there."""
    fresh = at(project, tmp_path / "fresh")
    _load(fresh, LOADED)
    assert _columns(upgraded) < _columns(fresh), "nothing has changed since: take an older layout"
    n_before = len(_built(upgraded)["fct_interactions"][1])
    n_lines = len(LOADED.read_text().splitlines())
    for each in (upgraded, fresh):
        # Ids that the older release gave to events without one are those of today.
        assert _load(each, LOADED) == (0, n_lines - 2), "two lines are quarantined"
        assert _load(each, LATER)[0] == len(LATER.read_text().splitlines())
    after = _built(upgraded)
    assert len(after["fct_interactions"][1]) > n_before > 5
    assert not (faults := differing_tables(after, _built(fresh))), "\n".join(faults)


def test_the_older_events_have_what_an_upgrade_must_cope_with() -> None:
    lines = [line for path in (LOADED, LATER) for line in path.read_text().splitlines()]
    events = [json.loads(line) for line in lines if line != "not json"]
    assert any("event_id" not in event for event in events)
    assert len({event["event"] for event in events}) > 8
