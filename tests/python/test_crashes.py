"""Killed at any moment, nothing is lost and nothing is there twice; the next plain run heals.

`kill -9` of builds and loads in processes of their own. A build says on a pipe which model it
begins and which statement it sends, so that each death is known by its place: most are aimed at the
transaction of a model, some at any moment. After each the file must hold every event that was
landed, and no event of zone A twice. A file that DuckDB itself cannot open any more is what
docs/incremental.md has a backup for: a copy takes its place, and few may need one. After each load
comes a series of kills; in the end one plain build must give the tables of a build that nobody
disturbed.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from histories import seeded
from load_helpers import contents, load_files, query_event, rows, write_lines
from support.compare import differing_tables, snapshot
from support.growth import NO_TESTS, ZONE_A, Fresh, Growing, built_at_once
from support.killing import (
    Death,
    Loading,
    killed_at_random,
    killed_in_model,
    seconds_of_build,
    set_aside,
    torn_by_kill,
)
from support.project import DbtProject
from support.small_project import at, small_project
from timelines import timeline

#: What people type; the tests of the data are left out, they write nothing.
BUILD = ("build", *NO_TESTS)
#: Leaves out what is never in danger and takes time: the seeds, and views without rows.
TABLES = ("--exclude", "resource_type:seed", "path:models/staging")
#: The event tables of zone A and what tells their rows apart.
UNIQUE = {
    "int_queries": "event_id",
    "int_responses": "event_id",
    "int_feedback": "event_id",
    "int_product_events": "event_id",
    "int_session_events": "stream || ':' || event_id",
    "int_response_matches where is_current": "event_id",
    "int_feedback_matches where is_current": "event_id",
    "int_interactions": "interaction_id",
}


def _check_nothing_lost_or_twice(project: DbtProject, n_landed: int) -> None:
    """The warehouse opens, holds all that was landed, and no event of zone A twice."""
    streams = ("queries", "responses", "feedback", "product_events", "identities")
    there = set(project.relations("intermediate"))
    tables = [(table, key) for table, key in UNIQUE.items() if table.partition(" ")[0] in there]
    landed, *found = project.query_all(
        [
            f"select {' + '.join(f'(select count(*) from raw.events_{name})' for name in streams)}",
            *(
                f"select count(*), count(distinct {key}) from intermediate.{table}"
                for table, key in tables
            ),
        ]
    )
    assert landed[0][0] == n_landed
    for (table, _), [(n_rows, n_ids)] in zip(tables, found, strict=True):
        assert n_rows == n_ids, table


def _crash(fresh: Fresh, seed: int, n_kills: int) -> list[Death]:
    """Live through a timeline with kills; compare what is left with an undisturbed build."""
    random = seeded(f"crash {seed}")
    drawn = timeline(seed, n_histories=12)
    project = fresh("crashed")
    growing = Growing(project, drawn)
    deaths: list[Death] = []
    n_landed, n_torn, seconds = 0, 0, 0.0
    copy = project.work_path / "copy.duckdb"
    for number in range(len(drawn.steps)):
        load = drawn.load(number)
        n_landed += len(load.events) if load else 0
        growing.land(number)
        if number == 0:
            # Half of the timelines begin with kills in an empty warehouse.
            seconds = seconds_of_build(project, BUILD) if seed % 2 else 6.0
        share = (number + 1) * n_kills // len(drawn.steps)
        while len(deaths) < share:
            args = (*BUILD, "--full-refresh") if random.random() < 0.2 else BUILD
            if not project.is_postgres:
                set_aside(Path(project.warehouse), copy)
            if random.random() < 0.7:
                death = killed_in_model(project, (*args, *TABLES), random)
            else:
                death = killed_at_random(project, args, random, seconds)
            if not project.is_postgres:
                n_torn += torn_by_kill(Path(project.warehouse), copy)
            _check_nothing_lost_or_twice(project, n_landed)
            if not death.is_too_late:
                deaths.append(death)
        if random.random() < 0.3:
            project.dbt("run", *ZONE_A)
    # With the seeds: dbt drops a seed before it makes it anew.
    project.dbt(*BUILD)
    faults = differing_tables(snapshot(project), built_at_once(fresh("at-once"), drawn))
    assert not faults, "\n".join([f"timeline {seed}", *map(str, deaths), *faults])
    assert n_torn <= 2
    return deaths


def _check_places(deaths: list[Death]) -> None:
    """At least half had begun a model and not ended it, a quarter with its transaction open."""
    in_model = [death for death in deaths if death.node is not None]
    assert 2 * len(in_model) >= len(deaths), Counter(deaths)
    assert 4 * sum(death.is_in_transaction for death in deaths) >= len(deaths), Counter(deaths)
    assert len({death.node for death in in_model}) >= 5, Counter(deaths)


@pytest.mark.dbt
def test_a_killed_build_is_healed_by_the_next(small: DbtProject, tmp_path: Path) -> None:
    deaths = _crash(lambda name: at(small, tmp_path / name), seed=1, n_kills=15)
    assert len(deaths) == 15
    _check_places(deaths)


@pytest.mark.dbt
@pytest.mark.long
def test_many_killed_builds_are_healed_by_the_next(small: DbtProject, tmp_path: Path) -> None:
    deaths: list[Death] = []
    for seed in range(2, 10):
        deaths += _crash(lambda name, seed=seed: at(small, tmp_path / f"{seed}-{name}"), seed, 25)  # type: ignore[misc]
    assert len(deaths) == 200
    _check_places(deaths)


@pytest.mark.dbt
@pytest.mark.long
def test_killed_builds_on_postgres_are_healed_by_the_next(
    tmp_path: Path, postgres_url: str
) -> None:
    from support.postgres import create_database, drop_database

    project = replace(small_project(tmp_path), manifests={})

    def fresh(_: str) -> DbtProject:
        return replace(project, warehouse=create_database(postgres_url, "warehouse"))

    assert len(_crash(fresh, seed=21, n_kills=40)) == 40
    drop_database(postgres_url, "warehouse")


def _crash_loads(folder: Path, n_kills: int) -> Counter[str]:
    """Kill so many loads; returns how many were absent, whole, or had torn the file."""
    random = seeded(f"loads {n_kills}")
    warehouse, clean = folder / "warehouse.duckdb", folder / "clean.duckdb"
    copy = folder / "copy.duckdb"
    # The first load makes the tables, and says how long a load takes.
    first = write_lines(folder / "first" / "queries.jsonl", [query_event(1)])
    load_files(warehouse, first)
    load_files(clean, first)
    loading = Loading(clean, _batch(folder, 0))
    loading.wait_until_begun()
    began = time.monotonic()
    loading.finish()
    seconds = time.monotonic() - began
    found: Counter[str] = Counter()
    batch, n_landed, n_loads = 0, 1, 1
    while found.total() < n_kills:
        path = _batch(folder, batch)
        set_aside(warehouse, copy)
        loading = Loading(warehouse, path)
        loading.wait_until_begun()
        time.sleep(random.random() * seconds)
        is_acknowledged = loading.kill()
        if torn_by_kill(warehouse, copy):
            found["torn"] += 1
            continue
        ((n_rows, n_ids),) = rows(
            warehouse, "select count(*), count(distinct event_id) from raw.events_queries"
        )
        ((*logged,),) = rows(
            warehouse, "select count(*), max(load_seq), sum(n_accepted) from raw.loads"
        )
        is_whole = n_rows == n_landed + ROWS
        assert is_whole or n_rows == n_landed, f"{n_rows - n_landed} of {ROWS} rows"
        assert is_whole or not is_acknowledged, "a load that was acknowledged is lost"
        n_landed, n_loads = n_rows, n_loads + is_whole
        assert (n_rows, *logged) == (n_ids, n_loads, n_loads, n_landed)
        found["acknowledged" if is_acknowledged else "whole" if is_whole else "absent"] += 1
        batch += is_whole
    load_files(warehouse, folder / "batches")
    load_files(clean, folder / "batches")
    assert contents(warehouse) == contents(clean)
    return found


#: Events of a batch.
ROWS = 500


def _batch(folder: Path, number: int) -> Path:
    path = folder / "batches" / f"{number}" / "queries.jsonl"
    if not path.exists():
        write_lines(path, (query_event(10_000 * (number + 1) + n) for n in range(ROWS)))
    return path


def test_a_killed_load_is_absent_or_whole(tmp_path: Path) -> None:
    found = _crash_loads(tmp_path, n_kills=20)
    assert found["absent"] >= 5, found
    assert found["torn"] <= 2, found


@pytest.mark.long
def test_many_killed_loads_are_absent_or_whole(tmp_path: Path) -> None:
    found = _crash_loads(tmp_path, n_kills=500)
    assert found["absent"] >= 100, found
    assert found["torn"] <= 10, found
    assert found.total() == 500
