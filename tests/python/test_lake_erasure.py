"""Erasure and purges in a lake: what goes is in no file, at whatever step they are interrupted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.lake.storage import Folder
from llm_analytics.privacy import erasure
from load_helpers import query_event, rows, write_lines

CANARY = b"canary"
CALL = {"event": "llm_response_generated", "timestamp": 1_735_725_600_000}
LINKED = {"event": "identity_linked", "timestamp": 1_735_725_600_000, "event_id": "i1"}
#: By load: what others sent, and what is ann's. The last load has nothing of hers.
OTHERS: list[list[Any]] = [
    [
        query_event(1, user_id="bob", session_id="s-bob", query_text="hello"),
        {**CALL, "event_id": "r1", "session_id": "s-bob"},
        b'{"user_id": "bob", "query_text": "broken',
    ],
    [query_event(2, user_id="eve", session_id="s-eve", query_text="hi")],
    [query_event(3, user_id="bob", session_id="s-bob", query_text="bye")],
]
HERS: list[list[Any]] = [
    [
        query_event(4, user_id="canary-ann", session_id="s-canary", query_text="canary one"),
        {
            **CALL,
            "event_id": "r2",
            "session_id": "s-canary",
        },  # a server's log, known by its session
        b'{"user_id": "canary-ann", "query_text": "canary two',
        {**LINKED, "user_id": "canary-ann", "alias_id": "canary-device"},
    ],
    [query_event(5, user_id=None, anonymous_id="canary-device", query_text="canary three")],
    [],
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, whose policy keeps texts; the lake is in it, and no warehouse."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dbt_project.yml").touch()
    (folder / "policy.csv").write_text("rule,stream,field,value\ntext,*,*,keep\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LLM_ANALYTICS_PRIVACY_POLICY", str(folder / "policy.csv"))
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(folder / "warehouse.duckdb"))
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(folder / "lake"))
    return folder


def load(folder: Path, *loads: list[Any]) -> None:
    for number, events in enumerate(loads):
        path = write_lines(folder / str(number) / "events.jsonl", events)
        assert main(["load", str(path), "--json"]) in (0, 3)


TEXTS = ("query_text", "feedback_text", "raw_text")


def held(lake: Path, *without: str) -> dict[str, list[Any]]:
    """What the log shows of each table: all but where it came from, and columns to leave out."""
    found = {}
    origin = (
        *without,
        "load_seq",
        "load_id",
        "load_date",
        "loaded_at",
        "file_number",
        "line_number",
    )
    with duckdb.connect() as connection:
        for folder in sorted((lake / "raw").iterdir()):
            if folder.name not in ("loads", "loaded_files"):
                found[folder.name] = connection.execute(
                    f"select columns(name -> name not in {origin + without}) from"
                    f" read_parquet('{folder}/**/*.parquet', union_by_name = true) where load_id"
                    f" in (select load_id from read_parquet('{lake}/raw/loads/*.parquet'))"
                    " order by all"
                ).fetchall()
    return {table: listed for table, listed in found.items() if listed}


def age(lake: Path, load_seq: int, days: int) -> None:
    """Let a load be that much older."""
    [log] = (lake / "raw" / "loads").glob(f"*{load_seq}.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create table log as select * from read_parquet('{log}')")
        connection.execute(f"update log set loaded_at = loaded_at - interval {days} day")
        connection.execute(f"copy log to '{log}' (format parquet)")


def canaries_in(folder: Path) -> list[str]:
    """Files below a folder, shown or not, with a word of hers in a byte or a compressed value."""
    found: list[str] = []
    with duckdb.connect() as connection:
        for path in filter(Path.is_file, folder.rglob("*")):
            content = path.read_bytes()
            if path.suffix == ".parquet":
                values = connection.execute(f"select * from read_parquet('{path}')").fetchall()
                content += repr(values).encode()
            if CANARY in content:
                found.append(str(path))
    return found


def dying_at(monkeypatch: pytest.MonkeyPatch, step: int, *command: str) -> bool:
    """A call of a command that is killed before a number of changes of files; did it die?"""
    n_steps = 0

    def counted(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*values: Any) -> None:
            nonlocal n_steps
            n_steps += 1
            if n_steps > step:
                raise KeyboardInterrupt
            change(*values)

        return changed

    with monkeypatch.context() as patch:
        for name in ("put", "remove"):
            patch.setattr(Folder, name, counted(getattr(Folder, name)))
        status = main([*command])
    assert status in (0, 130)
    return status == 130


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.long)])
def test_a_forgotten_user_is_in_no_file_of_a_lake_wherever_it_is_interrupted(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    lake, sent, world = home / "lake", tmp_path / "sent", tmp_path / "world"
    load(tmp_path / "1", *OTHERS)
    shutil.move(lake, world)
    load(tmp_path / "2", *(ours + hers for ours, hers in zip(OTHERS, HERS, strict=True)))
    shutil.move(lake, sent)
    untouched = {path.name for path in sent.rglob("load_id=0000000003-*")}
    assert untouched
    step, is_dying = 0, True
    while is_dying:
        shutil.rmtree(lake, ignore_errors=True)
        shutil.copytree(sent, lake)
        assert canaries_in(lake)
        is_dying = dying_at(monkeypatch, step, "forget", "canary-ann")
        if is_dying:
            is_noted = any((lake / "erasures").rglob("*.parquet"))
            assert is_noted or held(lake) == held(sent)
            assert main(["forget", *([] if is_noted else ["canary-ann"])]) == 0
        assert not canaries_in(lake), step
        assert held(lake) == held(world), step
        assert {path.name for path in lake.rglob("load_id=0000000003-*")} == untouched
        step += stride
    assert step > 15
    # An old file does not bring her back; all of its lines are accounted for.
    load(tmp_path / "3", *HERS[:2])
    assert not canaries_in(lake)
    assert held(lake) == held(world)
    with duckdb.connect() as connection:
        counts = connection.execute(
            "select n_lines = n_accepted + n_quarantined + n_erased, n_erased, n_accepted"
            f" from read_parquet('{lake}/raw/loads/*.parquet') where load_seq > 3 order by all"
        ).fetchall()
    assert counts == [(True, 1, 0), (True, 4, 0)]


def test_what_was_built_from_a_lake_forgets_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One warehouse by the call that erases, another by the next call that is given it."""
    load(tmp_path, OTHERS[0] + HERS[0], HERS[1])
    here, there = home / "warehouse.duckdb", home / "other.duckdb"
    with duckdb.connect(str(here)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create view raw.events_queries as select * from"
            f" read_parquet('{home}/lake/raw/events_queries/**/*.parquet') where load_id in"
            f" (select load_id from read_parquet('{home}/lake/raw/loads/*.parquet'))"
        )
        connection.execute("create table built as select * from raw.events_queries")
    shutil.copy(here, there)
    for warehouse in (here, there):
        monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))

        def build(*_: str, place: str = str(warehouse)) -> None:
            with duckdb.connect(place) as connection:
                connection.execute("create or replace table built as from raw.events_queries")

        monkeypatch.setattr(erasure, "build", build)
        assert CANARY in warehouse.read_bytes()
        capsys.readouterr()
        assert main(["export-subject", "canary-ann"]) == 0
        is_first = "canary three" in capsys.readouterr().out
        assert is_first == (warehouse == here)
        assert main(["forget", *(["canary-ann"] if is_first else []), "--json"]) == 0
        [report] = json.loads(capsys.readouterr().out)
        counts = {"events_identities": 1, "events_queries": 2, "events_responses": 1}
        assert report["rows"] == counts
        assert report["n_refused_lines"] == 1
        assert CANARY not in warehouse.read_bytes()
        assert rows(warehouse, "select user_id from built") == [("bob",)]
        assert rows(warehouse, "select n_people, step from raw.erasures") == [(1, "cleaned")]
    assert main(["forget"]) == 0
    assert "Nothing to erase" in capsys.readouterr().out
    # What is purged later is noted there, once.
    with (home / "policy.csv").open("a") as policy:
        policy.write("keep_days,*,*,30\n")
    age(home / "lake", 1, days=40)
    for _ in range(2):
        assert main(["purge"]) == 0
        noted = rows(warehouse, "select table_name, n_rows from raw.purges order by table_name")
        assert noted == [("events_queries", 1), ("quarantine", 1)]


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.long)])
def test_old_texts_are_in_no_file_of_a_lake_wherever_a_purge_is_interrupted(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    lake, sent = home / "lake", tmp_path / "sent"
    (home / "policy.csv").write_text(
        "rule,stream,field,value\ntext,*,*,keep\nkeep_days,*,*,30\nkeep_days,events_queries,*,60\n"
    )
    remark = {
        "event": "response_feedback",
        "timestamp": 1_735_725_600_000,
        "user_id": "bob",
        "feedback_type": "comment",
    }
    old = [
        query_event(1, query_text="kept"),
        {**remark, "event_id": "f1", "feedback_text": "canary one"},
        b'{"user_id": "bob", "query_text": "canary two',
    ]
    older = [query_event(2, query_text="canary three"), query_event(3)]
    new = [{**remark, "event_id": "f4", "feedback_text": "kept"}]
    load(tmp_path / "1", old, older, new)
    age(lake, 1, days=40)
    age(lake, 2, days=70)
    shutil.move(lake, sent)
    untouched = {path.name for path in sent.rglob("load_id=0000000003-*")}
    step, is_dying = 0, True
    while is_dying:
        shutil.rmtree(lake, ignore_errors=True)
        shutil.copytree(sent, lake)
        assert canaries_in(lake)
        is_dying = dying_at(monkeypatch, step, "purge")
        if is_dying:
            # An erasure that comes between does first what is left to do.
            is_noted = (lake / "purges").exists()
            assert main(["forget", "nobody"]) == 0
            assert bool(canaries_in(lake)) != is_noted
            assert main(["purge"]) == 0
        assert not canaries_in(lake), step
        assert held(lake, *TEXTS) == held(sent, *TEXTS), step
        assert [row[0] for row in texts_in(lake)] == ["kept", "kept"]
        assert {path.name for path in lake.rglob("load_id=0000000003-*")} == untouched
        assert purged(lake) == [
            ("events_feedback", 1), ("events_queries", 2), ("quarantine", 1)
        ]  # fmt: skip
        step += stride
    assert step > 8
    # The same files again bring no text back, and no second row.
    load(tmp_path / "2", old, older, new)
    assert not canaries_in(lake)
    assert held(lake, *TEXTS) == held(sent, *TEXTS)


def texts_in(lake: Path) -> list[Any]:
    """Texts of queries and remarks."""
    found = []
    with duckdb.connect() as connection:
        for table, column in (("queries", "query_text"), ("feedback", "feedback_text")):
            files = f"{lake}/raw/events_{table}/**/*.parquet"
            found += connection.execute(
                f"select {column} from read_parquet('{files}', union_by_name = true)"
                f" where {column} is not null"
            ).fetchall()
    return found


def purged(lake: Path) -> list[Any]:
    """What all purges together say that they emptied."""
    with duckdb.connect() as connection:
        return connection.execute(
            "select table_name, cast(sum(n_rows) as integer) from"
            f" read_parquet('{lake}/purges/*.parquet') group by table_name order by table_name"
        ).fetchall()
