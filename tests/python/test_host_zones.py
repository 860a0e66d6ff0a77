"""The zone of the host decides nothing: the same files give the same tables wherever it stands.

Each zone loads and builds in processes of its own that have it as `TZ`; on PostgreSQL it is also
the zone of the database's sessions. The files hold times in every form that the loader takes, at
moments that some zone has twice or not at all. The reporting zone is set, and is none of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from llm_analytics.simulation import simulate
from load_helpers import query_event, rows, write_lines
from support.compare import Snapshot, differing_tables, snapshot
from support.growth import NO_TESTS
from support.project import DbtProject, copy_project

ZONES = ("UTC", "America/New_York", "Pacific/Apia")
#: A day apart for most of the year, on either side of UTC, each with another change of clocks.
FAR_APART = ("America/New_York", "Pacific/Apia")

#: Times without an offset, which are UTC by rule: a night that New York has not, one that it has
#: twice, a day that Apia has not.
NAIVE = ("2025-03-09T02:30:00", "2025-11-02T01:30:00", "2011-12-30T12:00:00.123456")
#: The same moments and others, with offsets.
ABSOLUTE = ("2025-03-09T02:30:00Z", "2025-11-02T01:30:00-04:00", "2011-12-31T00:00:00+14:00")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small product, and times in every form: epoch, text, CSV, Parquet with and without zone."""
    folder = tmp_path_factory.mktemp("zones") / "events"
    simulate(folder / "simulated", users=12, days=20, seed=3)
    times = [*NAIVE, *ABSOLUTE]
    write_lines(
        folder / "text" / "queries.jsonl",
        [query_event(n, timestamp=time, session_id="odd") for n, time in enumerate(times)],
    )
    (folder / "queries.csv").write_text(
        "event_id,timestamp,user_id\n"
        + "".join(f"csv-{n},{time},ann\n" for n, time in enumerate(times)),
        encoding="utf-8",
    )
    with duckdb.connect() as database:
        for kind, values in (("timestamp", NAIVE), ("timestamptz", ABSOLUTE)):
            values_sql = ", ".join(
                f"('{kind}-{n}', {kind} '{value}', 'bob')" for n, value in enumerate(values)
            )
            path = folder / kind / "queries.parquet"
            path.parent.mkdir()
            database.execute(
                f"copy (select * from (values {values_sql}) _ (event_id, timestamp, user_id))"
                f" to '{path}' (format parquet)"
            )
    return folder


def _tables(project: DbtProject, events: Path) -> Snapshot:
    """All tables, raw ones too, of a warehouse that processes with the project's variables made."""
    began = datetime.now(UTC).replace(tzinfo=None)
    project.load(events)
    _build(project)
    ((loaded_at,),) = project.query("select loaded_at from raw.loads")
    assert timedelta() <= loaded_at - began < timedelta(minutes=10), "not logged in UTC"
    tables = dict(snapshot(project))
    # When it was loaded is the one thing that differs, by the clock.
    del tables["int_load_horizon"]
    for table in project.relations("raw"):
        if table != "loads":
            records = project.records(f"select * from raw.{table}")
            names = sorted(records[0]) if records else []
            tables[f"raw.{table}"] = names, [tuple(row[name] for name in names) for row in records]
    assert len(tables["raw.events_queries"][1]) > 100
    return tables


def _build(project: DbtProject) -> None:
    """Build in a process of its own: a zone that is set later would not reach DuckDB."""
    done = subprocess.run(
        [
            sys.executable, "-c", "from dbt.cli.main import cli; cli()",
            "--quiet", "build", *NO_TESTS, "--target-path", str(project.target_path),
            "--log-path", str(project.work_path / "logs"), "--log-level-file", "none",
        ],
        cwd=project.root,
        env={**os.environ, **project.environment},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.dbt
def test_a_host_zone_gives_the_tables_of_another(tmp_path: Path, events: Path) -> None:
    _check_zones(tmp_path, events, [("duckdb", zone) for zone in FAR_APART])


@pytest.mark.dbt
@pytest.mark.long
def test_every_host_zone_gives_the_same_tables(
    tmp_path: Path, events: Path, postgres_url: str
) -> None:
    # That PostgreSQL gives what DuckDB gives is known; here, that its zone does not matter either.
    places = [*(("duckdb", zone) for zone in ZONES), ("postgres", ZONES[-1])]
    _check_zones(tmp_path, events, places, postgres_url)


def _check_zones(
    tmp_path: Path, events: Path, places: Sequence[tuple[str, str]], postgres_url: str = ""
) -> None:
    from support.postgres import create_database, drop_database, execute

    root = copy_project(tmp_path / "project")
    with (root / "dbt_project.yml").open("a", encoding="utf-8") as file:
        file.write("\nvars: {llm_analytics_timezone: Europe/Berlin, llm_analytics_sources: []}\n")
    expected: Snapshot = {}
    for engine, zone in places:
        # Always the same name, so that dbt parses once for each engine.
        warehouse = str(tmp_path / "warehouse.duckdb")
        Path(warehouse).unlink(missing_ok=True)
        if engine == "postgres":
            warehouse = create_database(postgres_url, "warehouse")
            execute(warehouse, f"alter database warehouse set timezone to '{zone}'")
        project = DbtProject(root, warehouse, tmp_path / engine, env={"TZ": zone})
        found = _tables(project, events)
        expected = expected or found
        faults = differing_tables(expected, found)
        assert not faults, "\n".join([f"{engine} in {zone}", *faults])
    if postgres_url:
        drop_database(postgres_url, "warehouse")


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_ahead_of_its_load_is_counted_in_utc(
    tmp_path: Path, warehouse: Path, zone: str
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    ahead = [now + timedelta(hours=hours) for hours in (23, 25)]
    path = write_lines(
        tmp_path / "queries.jsonl",
        [query_event(n, timestamp=at.isoformat()) for n, at in enumerate(ahead)],
    )
    project = DbtProject(tmp_path, str(warehouse), tmp_path / "dbt", env={"TZ": zone})
    report = json.loads(project.load("--json", path).stdout)
    assert report["landed"] == {"queries": 1}
    assert rows(warehouse, "select reason from raw.quarantine") == [("timestamp_out_of_range",)]
