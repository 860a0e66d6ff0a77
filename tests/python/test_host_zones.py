"""The zone of the host decides nothing: the same files give the same tables wherever it stands.

Each zone loads and builds in processes of its own that have it as `TZ`; on PostgreSQL it is also
the zone of the database's sessions. The files hold times in every form that the loader takes, at
moments that some zone has twice or not at all. The reporting zone is set, and is none of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.simulation import simulate
from load_helpers import load_files, query_event, reasons, write_lines
from support.compare import Snapshot, differing_tables, snapshot
from support.growth import NO_TESTS
from support.killing import Building, Loading
from support.project import DbtProject, copy_project

ZONES = ("UTC", "America/New_York", "Pacific/Apia")

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
            rows = ", ".join(
                f"('{kind}-{n}', {kind} '{value}', 'bob')" for n, value in enumerate(values)
            )
            path = folder / kind / "queries.parquet"
            path.parent.mkdir()
            database.execute(
                f"copy (select * from (values {rows}) _ (event_id, timestamp, user_id))"
                f" to '{path}' (format parquet)"
            )
    return folder


def _tables(project: DbtProject, events: Path, zone: str) -> Snapshot:
    """All tables, raw ones too, of a warehouse that was loaded and built in a zone."""
    project.env = {"TZ": zone}
    began = datetime.now(UTC).replace(tzinfo=None)
    Loading(project.warehouse, events, project.env).finish()
    Building(project, ("build", *NO_TESTS)).finish()
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


@pytest.mark.dbt
def test_every_host_zone_gives_the_same_tables(
    tmp_path: Path, events: Path, postgres_url: str
) -> None:
    from support.postgres import create_database, drop_database, execute

    root = copy_project(tmp_path / "project")
    with (root / "dbt_project.yml").open("a", encoding="utf-8") as file:
        file.write("\nvars: {llm_analytics_timezone: Europe/Berlin}\n")
    expected: Snapshot = {}
    for engine in ("duckdb", "postgres"):
        manifests: dict[str, Any] = {}
        for zone in ZONES:
            folder = tmp_path / f"{engine}-{zone.replace('/', '-')}"
            folder.mkdir()
            warehouse = str(folder / "warehouse.duckdb")
            if engine == "postgres":
                warehouse = create_database(postgres_url, "warehouse")
                execute(warehouse, f"alter database warehouse set timezone to '{zone}'")
            found = _tables(DbtProject(root, warehouse, folder / "dbt", manifests), events, zone)
            expected = expected or found
            faults = differing_tables(expected, found)
            assert not faults, "\n".join([f"{engine} in {zone}", *faults])
    drop_database(postgres_url, "warehouse")


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_ahead_of_its_load_is_counted_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        now = datetime.now(UTC).replace(tzinfo=None)
        ahead = [now + timedelta(hours=hours) for hours in (23, 25)]
        path = write_lines(
            tmp_path / "queries.jsonl",
            [query_event(n, timestamp=at.isoformat()) for n, at in enumerate(ahead)],
        )
        report = load_files(tmp_path / "warehouse.duckdb", path)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert report.landed == {"queries": 1}
    assert reasons(report) == ["timestamp_out_of_range"]
