"""The lake: the rows of a warehouse in Parquet files, each load whole or not, read in place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.lake.reading import open_lake
from llm_analytics.lake.storage import Bucket, Folder, find_storage
from llm_analytics.loading.load import LoadOptions, LoadReport, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.sources.registry import find_source
from llm_analytics.warehouse import Warehouse
from load_helpers import load_files, query_event, rows, write_lines
from support.project import DbtProject, Row

EVENTS = [query_event(number) for number in range(50)]
#: Everything that a load may meet: a copy, a broken line, odd texts, an id with another content.
MIXED = [
    *EVENTS, EVENTS[0], b"{", query_event(3, query_text="another"),
    query_event(70, query_text='a, "b"\n\\N', feature=""),
]  # fmt: skip


def _land(lake: Path | str, *paths: Path, text: str = "drop") -> LoadReport:
    options = LoadOptions(Policy(TextPolicy(text), None), lake=str(lake))
    return load(find_source("events"), map(str, paths), Warehouse("no such folder/x"), options)


def _in_lake(lake: Path, table: str, columns: str = "*") -> list[Row]:
    """What the lake shows of a table: the rows of the loads in its log."""
    files = lake / "raw" / table / "**" / "*.parquet"
    return (
        duckdb.connect()
        .execute(
            f"select {columns} from read_parquet('{files}', union_by_name = true,"
            " hive_partitioning = true, hive_types_autocast = false) where load_id in"
            f" (select load_id from read_parquet('{lake}/raw/loads/*.parquet'))"
        )
        .fetchall()
    )


def _count(lake: Path, table: str = "events_queries") -> int:
    return int(_in_lake(lake, table, "count(*)")[0][0])


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Path of a lake that does not exist yet."""
    return tmp_path / "lake"


def test_a_lake_holds_the_rows_of_a_warehouse(tmp_path: Path, warehouse: Path, lake: Path) -> None:
    loads = [
        write_lines(tmp_path / "1" / "queries.jsonl", MIXED[:30]),
        write_lines(tmp_path / "2" / "queries.jsonl", [*MIXED, b"{"]),
        write_lines(tmp_path / "3" / "queries.jsonl", MIXED),
    ]
    for path in loads:
        here = load_files(warehouse, path, text="keep")
        there = _land(lake, path, text="keep")
        assert (here.load_seq, here.files, here.reasons) == (
            there.load_seq, there.files, there.reasons,
        )  # fmt: skip
    assert (here.files[0].n_accepted, here.files[0].n_duplicates) == (0, 53)
    tables = rows(warehouse, "select table_name from duckdb_tables() where estimated_size > 0")
    assert {name for (name,) in tables} == {"events_queries", "loaded_files", "loads", "quarantine"}
    for (table,) in tables:
        described = rows(warehouse, f"describe raw.{table}")
        names = ", ".join(f'"{row[0]}"' for row in described if row[0] != "loaded_at")
        assert sorted(map(repr, rows(warehouse, f"select {names} from raw.{table}"))) == sorted(
            map(repr, _in_lake(lake, table, names))
        )


def test_each_table_has_a_folder_for_each_date_and_load(tmp_path: Path, lake: Path) -> None:
    report = _land(lake, write_lines(tmp_path / "queries.jsonl", EVENTS))
    [path] = (lake / "raw" / "events_queries").rglob("*.parquet")
    date, load_id, name = path.relative_to(lake / "raw" / "events_queries").parts
    assert date == f"load_date={report.loaded_at.date()}"
    assert load_id.startswith("load_id=0000000001-")
    assert name == "rows.parquet"
    assert [path.name for path in (lake / "raw" / "loads").iterdir()] == ["0000000001.parquet"]


def test_a_load_that_fails_at_its_end_shows_nothing(
    tmp_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land(lake, write_lines(tmp_path / "1" / "queries.jsonl", EVENTS[:20]))
    path = write_lines(tmp_path / "queries.jsonl", EVENTS)
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "put_new", lambda *_: (_ for _ in ()).throw(OSError("unplugged")))
        with pytest.raises(LlmAnalyticsError, match="unplugged"):
            _land(lake, path)
    # The rows are there, and nobody sees them.
    assert len([*(lake / "raw" / "events_queries").rglob("*.parquet")]) == 2
    assert _count(lake) == 20
    # The next load takes the same number, and takes what was left away.
    assert _land(lake, path).load_seq == 2
    assert len([*(lake / "raw" / "events_queries").rglob("*.parquet")]) == 2
    assert _count(lake) == 50


def _parquet_files(lake: Path) -> set[str]:
    """All files of rows; folders may go while they are listed, which `rglob` does not bear."""
    return {
        str(Path(folder) / name)
        for folder, _, names in os.walk(lake)
        for name in names
        if name.endswith(".parquet")
    }


def test_a_killed_load_leaves_all_or_nothing(tmp_path: Path, lake: Path) -> None:
    _land(lake, write_lines(tmp_path / "one" / "queries.jsonl", EVENTS))
    path = write_lines(
        tmp_path / "queries.jsonl", (query_event(n, filler="x" * 200) for n in range(100, 60_100))
    )
    n_killed = 0
    for delay in (0, 0.005, 0.01, 0.02):
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_analytics", "load", "--json", "--lake", lake, str(path)],
            stdout=subprocess.DEVNULL,
        )
        # Until the first file of the load is there, and a moment longer: between it and the log.
        before = _parquet_files(lake)
        while process.poll() is None and _parquet_files(lake) <= before:
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        n_killed += process.returncode == -signal.SIGKILL
        n_loads = len([*(lake / "raw" / "loads").iterdir()])
        assert (_count(lake), n_loads) in ((50, 1), (60_050, 2))
        if n_loads == 2:
            break
    assert n_killed > 0
    _land(lake, path)
    assert _count(lake) == 60_050
    # Nothing of the killed loads is left.
    assert len([*(lake / "raw" / "events_queries").rglob("*.parquet")]) == 2


def test_two_loads_at_one_time_wait_for_each_other(tmp_path: Path, lake: Path) -> None:
    both = [query_event(n) for n in range(100)]
    paths = [
        write_lines(tmp_path / "1" / "queries.jsonl", both[:70]),
        write_lines(tmp_path / "2" / "queries.jsonl", both[30:]),
    ]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "llm_analytics", "load", "--json", str(path)],
            env={**os.environ, "LLM_ANALYTICS_LAKE": str(lake)},
            stdout=subprocess.DEVNULL,
        )
        for path in paths
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert _in_lake(lake, "events_queries", "count(*), count(distinct event_id)") == [(100, 100)]
    assert sorted(_in_lake(lake, "loads", "load_seq, n_duplicates"))[1] == (2, 40)


def test_a_column_that_the_plan_has_gained_is_null_in_earlier_loads(
    tmp_path: Path, lake: Path
) -> None:
    _land(lake, write_lines(tmp_path / "1" / "queries.jsonl", EVENTS))
    [path] = (lake / "raw" / "events_queries").rglob("*.parquet")
    older = duckdb.connect()
    older.execute(f"create table rows as select * exclude (feature) from read_parquet('{path}')")
    older.execute(f"copy rows to '{path}' (format parquet)")
    again = write_lines(tmp_path / "queries.jsonl", [*EVENTS, query_event(60, feature="chat")])
    assert _land(lake, again).files[0].n_duplicates == 50
    assert set(_in_lake(lake, "events_queries", "feature")) == {(None,), ("chat",)}


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("no such folder/lake", "no such folder"),
        ("gs://bucket/lake", "a lake is a folder or an s3:// URL, not gs://"),
        ("s3:///lake", "no bucket in 's3:///lake'"),
        (__file__, "a lake is a folder, and .* is a file"),
    ],
)
def test_what_is_no_lake_is_refused(location: str, message: str) -> None:
    with pytest.raises(LlmAnalyticsError, match=message):
        find_storage(location)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of a lake in a bucket of a local server that speaks S3."""
    import boto3
    import requests
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    # What the server before it held is in this process still.
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    boto3.client("s3").create_bucket(Bucket="events")
    yield "s3://events/some/lake"
    server.stop()


@pytest.mark.dbt
def test_a_bucket_holds_the_rows_of_a_folder_and_dbt_reads_them(
    tmp_path: Path, lake: Path, bucket: str, project: DbtProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [
        write_lines(tmp_path / "1" / "queries.jsonl", MIXED[:30]),
        write_lines(tmp_path / "2" / "queries.jsonl", MIXED),
    ]
    for path in paths:
        here, there = _land(lake, path), _land(bucket, path)
        assert (here.load_seq, here.files) == (there.load_seq, there.files)
    names = [
        sorted(name.split("-")[0] for name in find_storage(place).names("raw"))
        for place in (str(lake), bucket)
    ]
    assert names[0] == names[1]
    assert len(names[0]) == 7
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", bucket)
    project.dbt("run-operation", "mount_lake")
    project.dbt("run", "--select", "+int_load_horizon", "stg_events__queries")
    assert project.query("select load_seq from intermediate.int_load_horizon") == [(2,)]


def test_a_user_is_forgotten_in_a_bucket(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [
        write_lines(tmp_path / "1" / "queries.jsonl", EVENTS[:20]),
        write_lines(tmp_path / "2" / "queries.jsonl", EVENTS[21:22]),
    ]
    for path in paths:
        _land(bucket, path)
    before = find_storage(bucket).names("raw")
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", bucket)
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "none.duckdb"))
    monkeypatch.chdir(tmp_path)
    assert main(["forget", "user-1"]) == 0
    with open_lake(find_storage(bucket)) as opened:
        users = opened.target.run("select distinct user_id from raw.events_queries order by all")
        assert [user for (user,) in users] == ["user-0", *(f"user-{n}" for n in range(2, 7))]
    after = find_storage(bucket).names("raw")
    assert len(after) == len(before)
    # The log has its name again; files of the load without such rows are the same.
    assert {name for name in before if "0000000001-" not in name} <= set(after)
    assert not {name for name in before if "0000000001-" in name} & set(after)
    assert _land(bucket, *paths).files[0].n_erased == 3


def test_of_two_loads_into_a_bucket_the_slower_one_changes_nothing(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(tmp_path / "1" / "queries.jsonl", EVENTS[:20])
    slower = write_lines(tmp_path / "2" / "queries.jsonl", EVENTS)
    put = Bucket.put

    def put_after_another_load(storage: Bucket, file: Path, name: str) -> None:
        monkeypatch.setattr(Bucket, "put", put)
        _land(bucket, path)
        put(storage, file, name)

    monkeypatch.setattr(Bucket, "put", put_after_another_load)
    with pytest.raises(LlmAnalyticsError, match="another load was done meanwhile"):
        _land(bucket, slower)
    assert sum("events_queries" in name for name in find_storage(bucket).names("raw")) == 1
    report = _land(bucket, slower)
    assert (report.load_seq, report.files[0].n_accepted) == (2, 30)


@pytest.mark.dbt
def test_dbt_reads_a_lake_in_place(
    tmp_path: Path, lake: Path, project: DbtProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(lake))
    events = ("stg_events__queries", "stg_events__feedback")
    models = ("+int_load_horizon", "stg_loads__files", *events)
    _land(lake, write_lines(tmp_path / "1" / "queries.jsonl", EVENTS[:20]))
    project.dbt("run-operation", "mount_lake")
    project.dbt("run", "--select", *models)
    assert project.query("select count(*) from staging.stg_events__queries") == [(20,)]
    feedback = write_lines(
        tmp_path / "feedback.jsonl",
        [{"event": "response_feedback", "timestamp": 1_735_732_800_000, "user_id": "ann",
          "feedback_type": "thumbs_up", "event_id": "f", "session_id": "s"}],
    )  # fmt: skip
    _land(lake, write_lines(tmp_path / "2" / "queries.jsonl", EVENTS), feedback)
    # What a killed load has left is no one's.
    [path] = (lake / "raw" / "events_queries").rglob("*0000000002-*/*.parquet")
    left = path.parent.with_name("load_id=0000000003-12345678") / path.name
    left.parent.mkdir()
    left.write_bytes(path.read_bytes())
    # A later load is there at once, and a table that is new once it is mounted.
    assert project.query("select count(*) from staging.stg_events__queries") == [(50,)]
    project.dbt("run-operation", "mount_lake")
    project.dbt("run", "--select", *models)
    assert project.query("select count(*) from staging.stg_events__feedback") == [(1,)]
    assert project.query("select max(load_seq) from intermediate.int_load_horizon") == [(2,)]
    assert project.query("select count(*) from staging.stg_loads__files") == [(3,)]


@pytest.mark.dbt
def test_a_warehouse_with_loads_of_its_own_takes_no_lake(
    tmp_path: Path, lake: Path, project: DbtProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(tmp_path / "queries.jsonl", EVENTS)
    load_files(project.warehouse, path)
    _land(lake, path)
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(lake))
    assert not project.dbt("run-operation", "mount_lake", check=False).success
    assert project.query("select count(*) from duckdb_views() where schema_name = 'raw'") == [(0,)]
    monkeypatch.delenv("LLM_ANALYTICS_LAKE")
    assert not project.dbt("run-operation", "mount_lake", check=False).success


@pytest.mark.dbt
@pytest.mark.long
def test_run_builds_from_the_lake_that_it_loads_into(
    tmp_path: Path, lake: Path, project: DbtProject
) -> None:
    work = tmp_path / "work"
    project = replace(
        project,
        env={
            "DBT_TARGET_PATH": str(work / "target"),
            "DBT_LOG_PATH": str(work / "logs"),
            "LLM_ANALYTICS_LAKE": str(lake),
        },
    )
    project.command("run", "--json", write_lines(tmp_path / "queries.jsonl", EVENTS[:20]))
    assert _count(lake) == 20
    assert project.query("select count(*) from marts.fct_interactions") == [(20,)]
    assert project.query("select count(*) from duckdb_tables() where schema_name = 'raw'") == [(0,)]
