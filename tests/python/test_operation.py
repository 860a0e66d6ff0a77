"""What a schedule runs, copies of the warehouse, and data that an older release left."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from support.project import DbtProject

EVENTS = (
    {"event": "llm_query_sent", "event_id": "q1", "timestamp": 1_740_823_200_000,
     "user_id": "u1", "session_id": "s1", "query_length": 5, "feature": "chat"},
    {"event": "llm_query_sent", "event_id": "q2", "timestamp": 1_740_823_260_000,
     "user_id": "u1", "session_id": "s1", "query_length": 7, "feature": "chat"},
)  # fmt: skip


def write(path: Path, *events: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_a_copy_is_whole_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, copy = tmp_path / "warehouse.duckdb", tmp_path / "backups" / "copy.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    assert main(["backup", str(copy)]) == 1
    assert "no warehouse at" in capsys.readouterr().err
    assert main(["load", str(write(tmp_path / "one.jsonl", EVENTS[0]))]) == 0
    assert main(["backup", str(copy)]) == 0
    assert main(["load", str(write(tmp_path / "two.jsonl", EVENTS[1]))]) == 0

    def n_queries() -> int:
        with duckdb.connect(str(file)) as database:
            return int(database.execute("select count(*) from raw.events_queries").fetchall()[0][0])

    assert n_queries() == 2
    assert main(["restore", str(copy)]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["restore", str(copy), "--replace"]) == 0
    assert n_queries() == 1
    # What is no warehouse takes nobody's place.
    (tmp_path / "bad.duckdb").write_bytes(b"not a database" * 100)
    assert main(["restore", str(tmp_path / "bad.duckdb"), "--replace"]) == 1
    assert n_queries() == 1
    assert [path.name for path in copy.parent.iterdir()] == ["copy.duckdb"]


def test_a_copy_takes_the_place_of_a_torn_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a kill amid a write leaves it: a block that is torn, and what was not yet written."""
    file, copy = tmp_path / "warehouse.duckdb", tmp_path / "copy.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    exports = [write(tmp_path / f"{n}.jsonl", event) for n, event in enumerate(EVENTS[:2])]
    assert main(["load", str(exports[0])]) == 0
    assert main(["backup", str(copy)]) == 0
    died = tmp_path / "died.duckdb"
    shutil.copy(file, died)
    with duckdb.connect(str(died)) as database:
        database.execute("set checkpoint_threshold = '1GB'")
        database.execute("delete from raw.events_queries")
        shutil.copy(f"{died}.wal", f"{file}.wal")
    with file.open("r+b") as torn:
        torn.seek(3 * 4096 + 100)
        torn.write(bytes(4096))
    capsys.readouterr()
    assert main(["load", str(exports[1])]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is damaged" in message
    assert "llm-analytics restore" in message
    assert main(["restore", str(copy), "--replace"]) == 0
    assert main(["load", str(exports[1])]) == 0
    with duckdb.connect(str(file)) as database:
        found = database.execute("select count(*) from raw.events_queries").fetchall()
    assert found == [(2,)], "one of the copy, which nothing deleted, and one that came since"


def test_a_copy_has_what_a_command_that_died_had_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, copy = tmp_path / "warehouse.duckdb", tmp_path / "copy.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    lives = tmp_path / "lives.duckdb"
    with duckdb.connect(str(lives)) as database:
        database.execute("set checkpoint_threshold = '1GB'")
        database.execute("create table found as select 1 as number")
        for end in ("", ".wal"):
            shutil.copy(f"{lives}{end}", f"{file}{end}")
    assert main(["backup", str(copy)]) == 0
    with duckdb.connect(str(copy), read_only=True) as database:
        assert database.execute("from found").fetchall() == [(1,)]


def test_a_warehouse_in_use_is_not_copied(tmp_path: Path, project: DbtProject) -> None:
    project.load(write(tmp_path / "one.jsonl", EVENTS[0]))
    with duckdb.connect(project.warehouse) as database:
        database.execute("begin")
        done = project.command("backup", tmp_path / "copy.duckdb", check=False)
    assert done.returncode == 1
    assert "is locked by" in done.stderr
    assert not (tmp_path / "copy.duckdb").exists()
    project.command("backup", tmp_path / "copy.duckdb")
    with duckdb.connect(project.warehouse) as database:
        database.execute("begin")
        done = project.command("restore", tmp_path / "copy.duckdb", "--replace", check=False)
    assert done.returncode == 1
    assert "is locked by" in done.stderr


def test_data_of_an_older_plan_are_built_and_gain_the_new_fields(
    tmp_path: Path, project: DbtProject
) -> None:
    """An older release had neither this column of queries, nor feedback, nor policies' versions."""
    project.load(write(tmp_path / "one.jsonl", EVENTS[0]))
    project.execute(
        "alter table raw.events_queries drop column feature",
        "drop table raw.events_feedback",
        "alter table raw.loads drop column policy_version",
    )
    without = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    build = ("build", "--select", "+fct_interactions", *without)
    project.dbt(*build)
    rows = "select interaction_id, feature from marts.fct_interactions order by interaction_id"
    assert project.query(rows) == [("q1", None)]
    project.load(write(tmp_path / "two.jsonl", EVENTS[1]))
    project.dbt(*build)
    assert project.query(rows) == [("q1", None), ("q2", "chat")]
    assert project.query("select count(*) from raw.events_feedback") == [(0,)]


@pytest.mark.parametrize(
    ("codes", "status", "called"),
    [
        ({}, 0, ["load", "build", "backup", "alert"]),
        ({"load": 3}, 0, ["load", "build", "backup", "alert"]),
        ({"load": 1}, 1, ["load", "alert"]),
        ({"build": 1}, 1, ["load", "build", "alert"]),
        ({"backup": 1}, 1, ["load", "build", "backup", "alert"]),
        ({"alert": 1}, 1, ["load", "build", "backup", "alert"]),
    ],
)
def test_the_daily_run_stops_at_a_failure_and_tells_it(
    tmp_path: Path, root: Path, codes: dict[str, int], status: int, called: list[str]
) -> None:
    """The script with commands in place of the real ones, which say that they were called."""
    home = tmp_path / "project"
    programs = home / ".venv" / "bin"
    programs.mkdir(parents=True)
    (home / "scripts").mkdir()
    (home / "scripts" / "daily.sh").write_bytes((root / "scripts" / "daily.sh").read_bytes())
    cases = " ".join(f"{word}) exit {code};;" for word, code in codes.items())
    for name in ("llm-analytics", "dbt"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "$1" >> {home}/called\ncase "$1" in {cases} esac\n')
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", home / "scripts" / "daily.sh", "exports/"],  # noqa: S607
        env={
            **os.environ,
            "LLM_ANALYTICS_NOTIFY": "json://host/",
            "LLM_ANALYTICS_BACKUP": "backups/warehouse.duckdb",
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, (home / "called").read_text().split()) == (status, called)
    assert ("done" in done.stdout) == (status == 0)


def test_the_page_runs_what_the_script_runs(root: Path) -> None:
    page = (root / "docs" / "operation.md").read_text()
    script = (root / "scripts" / "daily.sh").read_text()
    for step in ("llm-analytics load", "dbt build --exclude-resource-type unit_test"):
        assert step in page
        assert step in script
    (line,) = re.findall(r"^\d+ \* \* \* \* .*$", page, re.MULTILINE)
    assert "scripts/daily.sh" in line
    assert os.access(root / "scripts" / "daily.sh", os.X_OK)
