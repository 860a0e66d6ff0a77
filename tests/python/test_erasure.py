"""Erasure: no byte left, and every mart as if the person had never been, whatever interrupts it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.privacy import erasure
from llm_analytics.simulation import simulate
from llm_analytics.warehouse import open_postgres
from load_helpers import query_event, rows, write_lines
from support.compare import Snapshot, differing_tables, snapshot
from support.hostile import HOSTILE
from support.postgres import execute
from support.project import DbtProject

Event = dict[str, Any]
#: Everything but unit tests and tests; from nothing where that is said.
MODELS = ("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
TIES = ("conversation_id", "session_id", "trace_id", "response_id")


def read_events(folder: Path) -> dict[str, list[bytes]]:
    return {path.stem: path.read_bytes().splitlines() for path in sorted(folder.glob("*.jsonl"))}


def parsed(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def whose(event: Event, user: str, aliases: set[str], ties: set[tuple[str, str]]) -> bool:
    """Is an event the user's, by the rule of docs/privacy.md?"""
    if event.get("user_id") is not None:
        return bool(event["user_id"] == user)
    if event.get("anonymous_id") or event.get("alias_id"):
        return bool({event.get("anonymous_id"), event.get("alias_id")} & aliases)
    return any((tie, event.get(tie)) in ties for tie in TIES) or (
        ("query", event.get("query_id")) in ties
    )


def without(events: dict[str, list[bytes]], user: str) -> dict[str, list[bytes]]:
    """The same files in a world in which the user never existed."""
    good = [event for lines in events.values() for line in lines if (event := parsed(line))]
    aliases = {e["alias_id"] for e in good if e.get("alias_id") and e.get("user_id") == user}
    mine: set[tuple[str, str]] = set()
    others: set[tuple[str, str]] = set()
    for event in good:
        if event.get("user_id") is None and not event.get("anonymous_id"):
            continue
        found = mine if whose(event, user, aliases, set()) else others
        found |= {(tie, event[tie]) for tie in TIES if event.get(tie)}
        found.add(("query", event.get("event_id", "")))
    ties = mine - others
    ids = {user, *aliases}
    kept: dict[str, list[bytes]] = {}
    for stream, lines in events.items():
        kept[stream] = []
        for line in lines:
            event = parsed(line)
            is_theirs = (
                any(one.encode() in line for one in ids)
                if event is None
                else whose(event, user, aliases, ties)
            )
            if not is_theirs:
                kept[stream].append(line)
    return kept


def write_events(folder: Path, events: dict[str, list[bytes]]) -> Path:
    for stream, lines in events.items():
        write_lines(folder / f"{stream}.jsonl", lines)
    return folder


def planted(events: dict[str, list[bytes]]) -> tuple[dict[str, list[bytes]], str, list[str]]:
    """Events with canaries in all that a busy user sent; the user, and what must be gone after."""
    users = Counter(
        event["user_id"]
        for line in events["queries"]
        if (event := parsed(line)) and event.get("user_id")
    )
    user = users.most_common(1)[0][0]
    canaries = [user]
    result: dict[str, list[bytes]] = defaultdict(list)
    for stream, lines in events.items():
        for number, line in enumerate(lines):
            event = parsed(line)
            if event is None or event.get("user_id") != user:
                result[stream].append(line)
                continue
            for name in ("query_text", "response_text", "feedback_text", "platform"):
                if name in event:
                    event[name] = f"canary-{stream}-{name}-{number} for me"
                    canaries.append(f"canary-{stream}-{name}-{number}")
            if stream in ("responses", "feedback") and number % 3 == 0:
                del event["user_id"]  # a server's log: known by its conversation only
            result[stream].append(json.dumps(event).encode())
    alias = "canary-device-0815"
    canaries.append(alias)
    linked = {"event": "identity_linked", "timestamp": "2025-06-01T00:00:00Z", "user_id": user}
    result["identities"].append(json.dumps({**linked, "alias_id": alias}).encode())
    hidden = query_event(1, user_id=None, anonymous_id=alias, query_text="canary-anonymous words")
    canaries.append("canary-anonymous")
    result["queries"].append(json.dumps(hidden).encode())
    result["queries"].append(f'{{"user_id": "{user}", "query_text": "canary-refused'.encode())
    canaries.append("canary-refused")
    return dict(result), user, canaries


def tables(project: DbtProject) -> Snapshot:
    """All but when loads were made, which no mart shows, and the account of what was erased."""
    left_out = {"int_load_horizon"}
    return {name: found for name, found in snapshot(project).items() if name not in left_out}


def found_in(folder: Path, canaries: Iterable[str]) -> list[str]:
    """Which strings are in any byte below a folder, and where."""
    pattern = re.compile(b"|".join(re.escape(one.encode()) for one in canaries))
    return [
        f"{match.group().decode()} in {path.name}"
        for path in folder.rglob("*")
        if path.is_file() and (match := pattern.search(path.read_bytes()))
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder to stand in, with all that is made from a warehouse in and below it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dbt_project.yml").touch()
    (folder / "policy.csv").write_text("rule,stream,field,value\ntext,*,*,keep\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LLM_ANALYTICS_PRIVACY_POLICY", str(folder / "policy.csv"))
    return folder


def stand_in(
    monkeypatch: pytest.MonkeyPatch, project: DbtProject, select: tuple[str, ...] = ()
) -> None:
    """Lets the command work on a project in this process: dbt need not be parsed again."""
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", project.warehouse)
    monkeypatch.setenv("DBT_TARGET_PATH", str(project.target_path))
    monkeypatch.setenv("DBT_LOG_PATH", str(project.work_path / "logs"))

    def build(*arguments: str) -> None:
        assert arguments[0] == "--full-refresh"
        project.dbt(*MODELS, "--full-refresh", *select)

    monkeypatch.setattr(erasure, "build", build)


def interrupted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """One call of the command that dies where it calls this."""

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        assert main(["forget"]) == 130


#: The facts that the marts are made of; all marts take minutes.
FACTS = ("--select", "+fct_responses", "+cost_bridge")


@pytest.mark.parametrize(
    "select", [FACTS, pytest.param((), marks=pytest.mark.long)], ids=["facts", "all"]
)
def test_a_forgotten_user_never_existed_and_left_no_byte(
    select: tuple[str, ...],
    project: DbtProject,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    make_project: Callable[[Path], DbtProject],
) -> None:
    files = tmp_path_factory.mktemp("files")
    simulate(files / "sent", users=10, days=12, seed=5)
    events, user, canaries = planted(read_events(files / "sent"))
    sent = write_events(files / "sent", events)
    world_files = write_events(files / "without", without(events, user))
    world = make_project(tmp_path_factory.mktemp("world"))
    stand_in(monkeypatch, world, select)
    assert main(["load", str(world_files), "--json"]) in (0, 3)
    world.dbt(*MODELS, *select)
    expected = tables(world)

    # Everything is in one folder, so that every byte can be searched.
    stand_in(monkeypatch, project, select)
    assert main(["load", str(sent), "--json"]) in (0, 3)
    if not select:  # where time is short, tables are built for the first time without them
        project.dbt(*MODELS)
        assert differing_tables(tables(project), expected)
    (home / "published" / "versions").mkdir(parents=True)
    for name in ("published/llm_analytics.duckdb", "published/versions/1.duckdb"):
        (home / name).write_bytes(Path(project.warehouse).read_bytes())
    (project.target_path / "run").mkdir(parents=True, exist_ok=True)
    (project.target_path / "run" / "model.sql").write_text(f"select '{user}'")
    assert found_in(Path(project.warehouse).parent, canaries)

    before = rows(Path(project.warehouse), "select count(*) from raw.events_queries")
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_delete_refused", lambda _: 1 / 0)
        assert main(["forget", user]) == 1
    assert rows(Path(project.warehouse), "select count(*) from raw.events_queries") == before
    # It dies in each step, then goes on from there.
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "build", lambda *_: 1 / 0)
        assert main(["forget", user]) == 1
    interrupted(monkeypatch, os, "fsync")
    assert Path(f"{project.warehouse}.rewriting").exists()
    interrupted(monkeypatch, erasure, "clean")
    assert main(["forget"]) == 0

    assert not found_in(Path(project.warehouse).parent, canaries)
    assert not found_in(home, canaries)
    assert not list((home / "published").rglob("*"))
    differing = differing_tables(tables(project), expected)
    assert not differing, "\n".join(differing)

    # An old file does not bring them back; all of its lines are accounted for.
    assert main(["load", str(sent), "--json"]) in (0, 3)
    counts = (
        "select n_lines = n_blank + n_accepted + n_duplicates + n_quarantined + n_erased,"
        " n_erased > 0, n_accepted from raw.loads order by load_seq desc limit 1"
    )
    assert rows(Path(project.warehouse), counts) == [(True, True, 0)]
    assert not found_in(Path(project.warehouse).parent, canaries)
    if select:  # nothing landed, so that there is nothing to build; all is built in the long test
        return
    project.dbt(*MODELS)
    assert not found_in(Path(project.warehouse).parent, canaries)
    differing = differing_tables(tables(project), expected)
    assert not differing, "\n".join(differing)


@pytest.mark.postgres
@pytest.mark.long
def test_a_user_is_forgotten_on_postgresql(
    postgres_project: DbtProject,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulate(tmp_path / "sent", users=6, days=6, seed=5)
    events, user, _ = planted(read_events(tmp_path / "sent"))
    sent = write_events(tmp_path / "sent", events)
    kept = write_events(tmp_path / "without", without(events, user))
    project = postgres_project
    stand_in(monkeypatch, project)
    assert main(["load", str(sent), "--json"]) in (0, 3)
    project.dbt(*MODELS)
    assert main(["forget", user]) == 0
    forgotten = tables(project)
    assert main(["load", str(sent), "--json"]) in (0, 3)
    project.dbt(*MODELS)
    assert not differing_tables(tables(project), forgotten)
    for table in project.relations("raw"):
        for row in project.query(f"select * from raw.{table}"):
            assert user not in map(str, row), table
    schemas = ("raw", "intermediate", "staging", "marts")
    project.execute(*(f"drop schema {schema} cascade" for schema in schemas))
    assert main(["load", str(kept), "--json"]) in (0, 3)
    project.dbt(*MODELS)
    differing = differing_tables(tables(project), forgotten)
    assert not differing, "\n".join(differing)


# ---- whose a row is


def test_devices_go_with_their_only_user_and_ids_by_key_are_found_under_old_keys(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    monkeypatch.setattr(erasure, "build", lambda *_: None)
    first = [
        query_event(1, user_id="ann", anonymous_id="own", session_id="s1"),
        query_event(2, user_id="ann", anonymous_id="shared", session_id="s2"),
        query_event(3, user_id="bob", anonymous_id="shared", session_id="s2"),
        query_event(4, user_id=None, anonymous_id="own", session_id=None),
        query_event(5, user_id=None, anonymous_id="shared", session_id=None),
        query_event(6, user_id="bob", anonymous_id="own-of-bob", session_id="s3"),
    ]
    calls = [
        {
            "event": "llm_response_generated",
            "timestamp": 1_735_725_600_000,
            "event_id": name,
            **ties,
        }
        for name, ties in (
            ("r1", {"session_id": "s1"}),
            ("r2", {"session_id": "s2"}),
            ("r3", {"query_id": "q-2"}),
            ("r4", {"response_id": "of-nobody"}),
        )
    ]
    monkeypatch.setenv("LLM_ANALYTICS_ID_KEY", "old-key")
    path = write_lines(tmp_path / "events.jsonl", [*first, *calls])
    assert main(["load", str(path), "--json"]) == 0
    monkeypatch.setenv("LLM_ANALYTICS_ID_KEY", "new")
    assert main(["forget", "ann"]) == 0
    assert len(rows(warehouse, "select 1 from raw.events_queries")) == 6
    monkeypatch.setenv("LLM_ANALYTICS_OLD_ID_KEYS", "older old-key")
    assert main(["forget", "ann"]) == 0
    ids = "select event_id from raw.events_{} order by event_id"
    assert [row[0] for row in rows(warehouse, ids.format("queries"))] == ["q-3", "q-5", "q-6"]
    assert [row[0] for row in rows(warehouse, ids.format("responses"))] == ["r2", "r4"]
    # Under the new key an old file lands as other ids, but still not theirs.
    assert main(["load", str(path), "--json"]) == 0
    landed = {row[0] for row in rows(warehouse, ids.format("queries"))}
    assert landed == {"q-3", "q-5", "q-6"}


@pytest.mark.postgres
def test_the_schema_published_to_postgresql_goes(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fresh_postgres_database: str,
) -> None:
    """A database that cannot be reached leaves the erasure open, for the next call to end."""
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    monkeypatch.setattr(erasure, "build", lambda *_: None)
    path = write_lines(tmp_path / "events.jsonl", [query_event(1, user_id="ann")])
    assert main(["load", str(path), "--json"]) == 0
    execute(
        fresh_postgres_database,
        "create schema published",
        "create schema published_last",
        "create schema theirs",
        "create table published.dim_users as select 'ann' as user_id",
        "create view theirs.users as select * from published.dim_users",
    )
    nowhere = "postgresql://user:secret@localhost:1/nowhere"
    assert main(["forget", "ann", "--postgres", nowhere]) == 1
    assert "secret" not in capsys.readouterr().err
    assert rows(warehouse, "select step from raw.erasures") == [("rewritten",)]
    assert main(["forget", "--postgres", fresh_postgres_database, "--json"]) == 0
    removed = json.loads(capsys.readouterr().out)[0]["removed"]
    assert [one for one in removed if one.endswith("/warehouse, schema published")]
    found = (
        "select schema_name from information_schema.schemata"
        " where schema_name like 'published%' or schema_name = 'theirs'"
    )
    connection = open_postgres(fresh_postgres_database)
    with connection.cursor() as cursor:
        cursor.execute(found)
        assert cursor.fetchall() == [("theirs",)]
    connection.close()


def test_names_are_data(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    monkeypatch.setattr(erasure, "build", lambda *_: None)
    events = [
        query_event(number, user_id=name, session_id=name, conversation_id=name)
        for number, name in enumerate((*HOSTILE, "bob"))
    ]
    path = write_lines(tmp_path / "'; drop table x; --.jsonl", [*events, b"{broken"])
    assert main(["load", str(path), "--json"]) == 3
    (home / "ids.txt").write_text("\n".join(HOSTILE[1:]), encoding="utf-8")
    assert main(["forget", "--file", "ids.txt", "--", HOSTILE[0]]) == 0
    assert rows(warehouse, "select user_id from raw.events_queries") == [("bob",)]
    assert rows(warehouse, "select count(*) from raw.loads") == [(1,)]
    assert main(["load", str(path), "--json"]) == 3
    assert rows(warehouse, "select user_id from raw.events_queries") == [("bob",)]
    assert HOSTILE[0].encode() not in warehouse.read_bytes()


def test_nobody_to_forget_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    assert main(["forget", "ann"]) == 1
    assert "there is no warehouse" in capsys.readouterr().err
    path = write_lines(tmp_path / "events.jsonl", [query_event(1)])
    assert main(["load", str(path), "--json"]) == 0
    assert main(["forget"]) == 0
    assert "Nothing to erase" in capsys.readouterr().out
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(tmp_path / "lake"))
    assert main(["forget", "ann"]) == 1
    assert "nothing was ever loaded into" in capsys.readouterr().err
    assert main(["forget"]) == 0
    assert "Nothing to erase" in capsys.readouterr().out


def test_copies_that_still_hold_the_erased_are_named_and_do_not_come_back_unasked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse, copy = tmp_path / "warehouse.duckdb", tmp_path / "kept" / "copy.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    monkeypatch.setattr(erasure, "build", lambda *_: None)
    events = [
        query_event(number, user_id=user) for number, user in enumerate(("ann", "bob", "eve"))
    ]
    assert main(["load", str(write_lines(tmp_path / "events.jsonl", events)), "--json"]) == 0
    for name in (copy, tmp_path / "gone.duckdb", copy):
        assert main(["backup", str(name)]) == 0
    (tmp_path / "gone.duckdb").unlink()
    capsys.readouterr()
    assert main(["forget", "ann"]) == 0
    assert f"{copy} still holds them" in capsys.readouterr().out
    assert main(["restore", str(copy), "--replace"]) == 1
    assert "knows nothing of 1 erasure(s)" in capsys.readouterr().err
    assert len(rows(warehouse, "select 1 from raw.events_queries")) == 2
    assert main(["restore", str(copy), "--replace", "--with-erased"]) == 0
    assert len(rows(warehouse, "select 1 from raw.events_queries")) == 3
    capsys.readouterr()
    assert main(["forget", "ann", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["copies"] == [str(copy)]
    # One that was made since knows of it; without any there is nothing to name.
    assert main(["backup", str(copy)]) == 0
    assert main(["restore", str(copy), "--replace"]) == 0
    copy.unlink()
    capsys.readouterr()
    assert main(["forget", "bob", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["copies"] == []


def test_a_rewritten_file_holds_all_that_was_there(tmp_path: Path) -> None:
    place = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.erasures (erasure_id int primary key, step varchar)")
        connection.execute("insert into raw.erasures values (1, 'built')")
        connection.execute("create table words as select 'w' || i as w from range(50000) as t(i)")
        connection.execute("delete from words where w <> 'w7'")
        connection.execute("create view seen as select * from warehouse.main.words")
    erasure.copy_and_swap(place, [1])
    assert rows(place, "select * from seen") == [("w7",)]
    assert rows(place, "select step from raw.erasures") == [("rewritten",)]
    with duckdb.connect(str(place)) as connection:
        version = connection.execute("select tags from duckdb_databases()").fetchall()
        assert "v1.4" in str(version) or "1.4" in str(version)


# ---- what is held, and for how long


def test_all_that_is_held_about_a_person_is_exported(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    monkeypatch.setenv("LLM_ANALYTICS_ID_KEY", "key")
    call = {"event": "llm_response_generated", "timestamp": 1_735_725_600_000, "session_id": "s1"}
    path = write_lines(
        tmp_path / "events.jsonl",
        [
            query_event(1, user_id="ann", session_id="s1", query_text="for me"),
            query_event(2, user_id="bob", session_id="s2"),
            {**call, "event_id": "r1"},
            {**call, "event_id": "r2", "session_id": "s2"},
        ],
    )
    assert main(["load", str(path), "--json"]) == 0
    capsys.readouterr()
    assert main(["export-subject", "ann"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert {table: [row["event_id"] for row in found] for table, found in held["rows"].items()} == {
        "events_queries": ["q-1"],
        "events_responses": ["r1"],
    }
    assert held["rows"]["events_queries"][0]["query_text"] == "for me"
    assert main(["export-subject", "nobody", "--out", str(tmp_path / "none.json")]) == 0
    assert json.loads((tmp_path / "none.json").read_text())["rows"] == {}


def test_old_texts_go_to_the_byte_and_what_was_counted_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    (home / "policy.csv").write_text(
        "rule,stream,field,value\ntext,*,*,keep\nkeep_days,*,*,30\nkeep_days,events_queries,*,60\n"
    )
    events = [
        query_event(1, query_text="canary-query"),
        {
            "event": "response_feedback",
            "timestamp": 1_735_725_600_000,
            "event_id": "f1",
            "user_id": "u1",
            "feedback_type": "comment",
            "feedback_text": "canary-feedback",
        },
        b'{"canary-refused',
    ]
    path = write_lines(tmp_path / "events.jsonl", events)
    assert main(["load", str(path), "--json"]) == 3
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update raw.loads set loaded_at = loaded_at - interval 40 day")
    path = write_lines(tmp_path / "new" / "events.jsonl", [query_event(2, query_text="canary-new")])
    assert main(["load", str(path), "--json"]) == 0
    assert main(["policy", "check"]) == 3
    counted = "select * exclude (query_text) from raw.events_queries order by event_id"
    before = rows(warehouse, counted)
    capsys.readouterr()
    assert main(["purge"]) == 0
    assert "raw.events_feedback: text of 1 rows" in capsys.readouterr().out
    held = warehouse.read_bytes()
    assert b"canary-query" in held
    assert b"canary-new" in held
    assert b"canary-feedback" not in held
    assert b"canary-refused" not in held
    assert rows(warehouse, counted) == before
    assert main(["policy", "check"]) == 0
    # The same file again brings no text back, and no second row.
    path = write_lines(tmp_path / "events.jsonl", events)
    assert main(["load", str(path), "--json"]) == 3
    assert b"canary-feedback" not in warehouse.read_bytes()
    assert rows(warehouse, "select count(*) from raw.events_feedback") == [(1,)]
    last = "select n_duplicates, n_accepted from raw.loads order by load_seq desc limit 1"
    assert rows(warehouse, last) == [(2, 0)]
    assert rows(warehouse, "select table_name from raw.purges order by table_name") == [
        ("events_feedback",),
        ("quarantine",),
    ]
