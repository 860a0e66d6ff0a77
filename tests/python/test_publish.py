"""Publishing: what leaves, when it may, and that readers never see a half of it."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.publishing import log
from llm_analytics.publishing.artifacts import read_build
from llm_analytics.publishing.command import publish, roll_back
from llm_analytics.publishing.folder import FILE, PublishedFolder
from llm_analytics.warehouse import Warehouse
from support import dying_publisher
from support.postgres import create_database
from support.project import ROOT, DbtProject, run_command
from support.publishable import N_ROWS, Publishable

#: Reads one published file in a process of its own, again and again until a file says to stop, and
#: prints its driver's version and what it saw.
READER = """
import collections, os, sys, time
import duckdb
path, stop = sys.argv[1:]
seen = collections.Counter()
while not os.path.exists(stop):
    # Ten of them on two cores leave the publishers most of the time.
    time.sleep(0.4)
    reader = duckdb.connect(path, read_only=True, config={'threads': 1})
    first = reader.execute(
        "select (select version from published.about), (select load_seq from published.about),"
        " (select min(build) || '-' || max(build) || '-' || count(*) from marts.first)"
    ).fetchall()
    time.sleep(0.1)
    # What is open stays of one build, whatever was shown meanwhile.
    second = reader.execute(
        "select min(build) || '-' || max(build) || '-' || count(*) from marts.second"
    ).fetchall()
    reader.close()
    seen[first[0] + second[0]] += 1
print(duckdb.__version__)
for row, n_reads in seen.items():
    print(*row, n_reads)
"""


#: Drivers of DuckDB beside the installed one; there are wheels of them for Python 3.11 and 3.12.
OLD_DRIVERS = ("1.0.0", "1.1.3", "1.2.2")


@pytest.fixture
def given(tmp_path: Path) -> Publishable:
    made = Publishable(tmp_path)
    made.build(1, n_rows=50)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> PublishedFolder:
    return PublishedFolder(tmp_path / "published")


def publish_it(given: Publishable, folder: PublishedFolder, **options: object) -> None:
    publish(Warehouse(str(given.warehouse)), given.artifacts, folder, **options)  # type: ignore[arg-type]


def read(folder: PublishedFolder, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder.current), read_only=True) as reader:
        return reader.execute(sql).fetchall()


# ---- what leaves


def test_marts_leave_without_raw_columns(given: Publishable, folder: PublishedFolder) -> None:
    publish_it(given, folder)
    columns = read(
        folder,
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts'"
        " order by all",
    )
    assert columns == [
        ("first", "build"), ("first", "n_things"), ("first", "user_id"),
        ("second", "build"), ("second", "n_things"),
    ]  # fmt: skip
    assert read(folder, "select count(*), max(user_id) from marts.first") == [(50, "user-9")]
    assert b"secret-" not in folder.current.read_bytes()
    assert read(folder, "select mart, n_rows, left_out from published.contents order by all") == [
        ("first", 50, "message"),
        ("second", 50, ""),
    ]
    described = read(folder, "select comment from duckdb_columns() where column_name = 'user_id'")
    assert described == [("A user_id.",)]
    assert read(folder, "select metric, mart, source from published.metric_definitions") == [
        ("share_of_things", "first", "queries")
    ]


def test_ids_that_landed_as_sent_stay(given: Publishable, folder: PublishedFolder) -> None:
    given.is_keyed = False
    given.build(2, n_rows=50)
    publish_it(given, folder)
    assert read(folder, "select has_ids from published.about") == [(False,)]
    assert b"user-1" not in folder.current.read_bytes()


def test_it_says_which_build_it_is(given: Publishable, folder: PublishedFolder) -> None:
    publish_it(given, folder)
    assert read(
        folder, "select version, load_seq, built_at, n_marts, invocation_id from published.about"
    ) == [(1, 1, datetime(2025, 1, 2, 3, 4, 5), 2, "build-1")]
    # The oldest drivers of DuckDB 1.x read this storage.
    with duckdb.connect(str(folder.current), read_only=True) as reader:
        tags = reader.execute("select tags from duckdb_databases() where not internal").fetchone()
    assert tags is not None
    assert "v1.0.0" in str(tags[0])


def test_figures_about_few_are_withheld(given: Publishable, folder: PublishedFolder) -> None:
    """Rows are cells of 0 to 19 users, in one table: 1 to 9 are small."""
    given.build(2, n_rows=20)
    with duckdb.connect(str(given.warehouse)) as database:
        database.execute(
            "create or replace table marts.first as select 1 as build, i as n_things,"
            " 'cell-' || i as user_id, '' as message from range(20) as r(i)"
        )
    rule = {"within": ["build"], "dims": ["user_id"], "count": "n_things"}
    given.write_artifacts("build-2", small_cells=rule)
    publish_it(given, folder)
    rows = read(folder, "select user_id, n_things, is_suppressed from marts.first")
    found = {str(cell): (n, is_suppressed) for cell, n, is_suppressed in rows}
    assert len(found) == 20
    for number in range(1, 10):
        assert found[f"cell-{number}"] == (None, True)
    assert found["cell-0"] == (0, False)
    assert found["cell-19"] == (19, False)
    given.write_artifacts("build-2", small_cells={**rule, "count": "n_people"})
    with pytest.raises(LlmAnalyticsError, match="small_cells names n_people, which is no column"):
        publish_it(given, folder)


# ---- when it may


def _write(path: Path, text: str) -> None:
    path.write_text(text)


REFUSALS: dict[str, tuple[Callable[[Publishable], None], str]] = {
    "never built": (
        lambda given: (given.artifacts / "run_results.json").unlink(),
        "run `dbt build` first",
    ),
    "a broken file": (
        lambda given: _write(given.artifacts / "manifest.json", "{"),
        "is no artifact of dbt",
    ),
    "another command": (
        lambda given: given.write_artifacts("x", which="run"),
        "the last dbt command was `run`",
    ),
    "a run that broke off": (
        lambda given: given.write_artifacts("x", manifest_of="y"),
        "dbt has run since the last build, or broke off",
    ),
    "a part": (
        lambda given: given.write_artifacts("x", without=("model.project.second",)),
        "was a part of the project, without model second",
    ),
    "without a test": (
        lambda given: given.write_artifacts("x", without=("test.project.first_has_rows.0",)),
        "was a part of the project, without test first_has_rows",
    ),
    "a failed test": (
        lambda given: replace(
            given, statuses={"test.project.first_has_rows.0": "fail"}
        ).write_artifacts("x"),
        "the last build did not pass: test first_has_rows",
    ),
    "a column without pii": (
        lambda given: given.write_artifacts("x", pii={"n_things": None}),
        "first.n_things does not say its meta.pii",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_did_not_pass_is_refused_and_nothing_changes(
    given: Publishable,
    folder: PublishedFolder,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish_it(given, folder)
    change, message = REFUSALS[case]
    given.build(2, n_rows=10)
    change(given)
    for name, value in given.environment.items():
        monkeypatch.setenv(name, value)
    assert main(["publish", "--to", str(folder.path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert read(folder, "select version, load_seq from published.about") == [(1, 1)]


def test_a_build_that_began_meanwhile_is_refused(
    given: Publishable, folder: PublishedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_and_build_again(artifacts: Path) -> object:
        build = read_build(artifacts)
        given.write_artifacts("another")
        return build

    monkeypatch.setattr("llm_analytics.publishing.command.read_build", read_and_build_again)
    with pytest.raises(LlmAnalyticsError, match="built again meanwhile"):
        publish_it(given, folder)
    assert not folder.current.exists()
    assert folder.versions() == []


# ---- versions


def test_versions_are_kept_and_rolled_back(given: Publishable, folder: PublishedFolder) -> None:
    for number in range(1, 6):
        given.build(number, n_rows=10)
        publish_it(given, folder, n_kept=3)
    assert folder.versions() == [3, 4, 5]
    environment = {**os.environ, **given.environment}
    back = run_command(["publish", "--to", folder.path, "--rollback"], env=environment)
    assert back.returncode == 0, back.stderr
    assert "version 4 is shown again" in back.stdout
    assert read(folder, "select version, load_seq from published.about") == [(4, 4)]
    gone = run_command(
        ["publish", "--to", folder.path, "--rollback", "--version", "1"], env=environment
    )
    assert gone.returncode == 1
    assert "version 1 is not kept (kept: 3, 4, 5)" in gone.stderr
    # What is shown stays, however old; the next version is a new one.
    folder.roll_back(3)
    given.build(6, n_rows=10)
    publish_it(given, folder, n_kept=1)
    assert folder.versions() == [6]


def test_the_command_as_json(given: Publishable, folder: PublishedFolder) -> None:
    done = run_command(
        ["publish", "--to", folder.path, "--json"], env={**os.environ, **given.environment}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["version"], found["load_seq"], found["rows"]) == (
        1,
        1,
        {"first": 50, "second": 50},
    )
    assert found["left_out"] == ["first.message"]


# ---- on the record


def noted(given: Publishable, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(given.warehouse), read_only=True) as database:
        return database.execute(
            f"select {columns} from raw.publications order by publication_id"
        ).fetchall()


def test_what_is_published_and_shown_again_is_noted(
    given: Publishable, folder: PublishedFolder, tmp_path: Path
) -> None:
    publish_it(given, folder, parquet=tmp_path / "parquet")
    given.build(2, n_rows=10)
    publish_it(given, folder)
    files = {number: folder.version_path(number).read_bytes() for number in folder.versions()}
    environment = {**os.environ, **given.environment}
    back = run_command(["publish", "--to", folder.path, "--rollback"], env=environment)
    assert back.returncode == 0, back.stderr
    version = read(folder, "select policy_version from published.about")[0][0]
    columns = (
        "act, form, version, n_marts, n_rows, has_ids, policy_version, completed_at >= began_at"
    )
    assert noted(given, columns) == [
        ("published", "file", 1, 2, 100, True, version, True),
        ("published", "parquet", 1, 2, 100, True, version, True),
        ("published", "file", 2, 2, 20, True, version, True),
        ("rolled_back", "file", 1, 2, 100, True, version, True),
    ]
    assert {number: folder.version_path(number).read_bytes() for number in files} == files
    # dbt reads it by these names; a column that it lacks would be NULL.
    staging = (ROOT / "models/staging/loads/stg_loads__publications.sql").read_text()
    with duckdb.connect(str(given.warehouse), read_only=True) as database:
        described = database.execute("describe raw.publications").fetchall()
    assert set(re.findall(r"'(\w+)': dbt", staging)) <= {row[0] for row in described}


def test_what_broke_off_is_noted_as_such_and_what_was_refused_is_not(
    given: Publishable, folder: PublishedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PublishedFolder, "show", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish_it(given, folder)
    given.write_artifacts("x", which="run")
    with pytest.raises(LlmAnalyticsError):
        publish_it(given, folder)
    assert noted(given, "act, version, completed_at") == [("published", 1, None)]


def test_without_a_note_nothing_new_is_shown_but_an_older_version_is(
    given: Publishable, folder: PublishedFolder
) -> None:
    """A build holds the warehouse: who must roll back does not wait for it."""
    for number in (1, 2):
        given.build(number, n_rows=10)
        publish_it(given, folder)
    (given.artifacts / "run_results.json").touch()
    holder = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys, duckdb; held = duckdb.connect(sys.argv[1], read_only=True);"
            " print(1, flush=True); input()",
            str(given.warehouse),
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        with pytest.raises(LlmAnalyticsError, match="is locked by"):
            publish_it(given, folder)
        assert folder.current_version() == 2
        assert folder.versions() == [1, 2]
        with pytest.raises(
            LlmAnalyticsError, match=r"version 1 is shown again, but .* --version 1"
        ):
            roll_back(Warehouse(str(given.warehouse)), folder)
    finally:
        holder.communicate("")
    assert folder.current_version() == 1
    roll_back(Warehouse(str(given.warehouse)), folder, 1)
    assert noted(given, "act, version") == [
        ("published", 1), ("published", 2), ("rolled_back", 1),
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("kind", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_next_build_has_it_in_the_audit(
    given: Publishable, folder: PublishedFolder, kind: str, request: pytest.FixtureRequest
) -> None:
    project: DbtProject = request.getfixturevalue(
        "project" if kind == "duckdb" else "postgres_project"
    )
    publish_it(given, folder)
    if kind == "duckdb":
        given.warehouse.unlink()
        duckdb.connect(project.warehouse).close()
    warehouse = Warehouse(project.warehouse)
    with log.noted(warehouse, log.Form.POSTGRES, folder.current):
        pass
    log.begin(warehouse, log.Act.ROLLED_BACK, log.Form.FILE, folder.current)
    project.dbt("run", "--select", "+privacy_audit")
    columns = "act, subject, n_rows, is_keyed, is_complete"
    found = project.query(f"select {columns} from marts.privacy_audit order by act")
    assert [tuple(row) for row in found] == [
        ("published", "postgres", 100, True, True),
        ("rolled_back", "file", 100, True, False),
    ]


# ---- copies


def test_parquet_is_one_file_per_mart(
    given: Publishable, folder: PublishedFolder, tmp_path: Path
) -> None:
    for number in range(1, 4):
        given.build(number, n_rows=10)
        publish_it(given, folder, n_kept=2, parquet=tmp_path / "parquet")
    files = sorted(item.name for item in (tmp_path / "parquet/current").iterdir())
    assert files == [
        "about.parquet", "contents.parquet", "first.parquet", "metric_definitions.parquet",
        "second.parquet",
    ]  # fmt: skip
    path = str(tmp_path / "parquet/current/first.parquet")
    assert duckdb.execute(
        "select min(build), count(*) from read_parquet(?)", [path]
    ).fetchall() == [(3, 10)]
    assert sorted(item.name for item in (tmp_path / "parquet").iterdir()) == ["current", "v2", "v3"]


@pytest.mark.postgres
def test_a_postgres_schema_is_swapped(
    given: Publishable, folder: PublishedFolder, postgres_url: str
) -> None:
    import psycopg2

    url = create_database(postgres_url, "boards")
    for number in (1, 2):
        given.build(number, n_rows=10)
        publish_it(given, folder, postgres=url)
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select (select load_seq from published.about), min(build), count(*)"
                " from published.first"
            )
            assert cursor.fetchone() == (2, 2, 10)
            cursor.execute("select nspname from pg_namespace where nspname like 'published%'")
            assert cursor.fetchall() == [("published",)]
            cursor.execute("select obj_description('published.first'::regclass)")
            assert cursor.fetchone() == ("What first is.",)
            cursor.execute(
                "select column_name from information_schema.columns"
                " where table_schema = 'published' and table_name = 'first' order by 1"
            )
            assert [row[0] for row in cursor.fetchall()] == ["build", "n_things", "user_id"]
    finally:
        connection.close()


def test_a_copy_that_cannot_be_made_leaves_the_file(
    given: Publishable, folder: PublishedFolder
) -> None:
    with pytest.raises(LlmAnalyticsError, match="needs a URL"):
        publish_it(given, folder, postgres="published.db")
    assert read(folder, "select load_seq from published.about") == [(1,)]


# ---- readers


def read_while_publishers_die(
    given: Publishable, folder: PublishedFolder, drivers: Sequence[Path | None]
) -> set[str]:
    """10 readers, 20 publishes, and 20 that die on the way; returns the readers' drivers."""
    given.build(1)
    publish_it(given, folder)
    stop = folder.path.parent / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(folder.current), str(stop)],
            env={**os.environ, **({"PYTHONPATH": str(driver)} if driver else {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for driver in itertools.islice(itertools.cycle(drivers), 10)
    ]
    publisher = subprocess.Popen(
        [sys.executable, dying_publisher.__file__, given.warehouse, given.artifacts, folder.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert publisher.stdin is not None
    assert publisher.stdout is not None
    # All through the file that is written, and at each step after it.
    whole = folder.current.stat().st_size
    deaths: list[int | str] = [whole * sixteenth // 16 for sixteenth in range(1, 16)]
    deaths += dying_publisher.STEPS
    assert len(deaths) == 20
    try:
        for number, death in enumerate(deaths, 2):
            given.build(number)
            print(death, file=publisher.stdin, flush=True)
            cause = signal.SIGXFSZ if isinstance(death, int) else signal.SIGKILL
            assert publisher.stdout.readline() == f"{cause:d}\n", death
            if isinstance(death, int):
                (left,) = folder.path.glob(f".unfinished*/{FILE}")
                assert 0 < left.stat().st_size <= death < whole, "it died before it wrote"
            publish_it(given, folder, n_kept=3)
        stop.touch()
        outputs = [reader.communicate(timeout=60) for reader in readers]
    finally:
        for process in (publisher, *readers):
            process.kill()
    builds, versions = set(), set()
    for output, errors in outputs:
        assert errors == ""
        version, *lines = output.splitlines()
        versions.add(version)
        assert len(lines) > 3, "a reader saw hardly any of the builds"
        for line in lines:
            _, load_seq, first, second, _ = line.split()
            assert first == second == f"{load_seq}-{load_seq}-{N_ROWS}", line
            builds.add(int(load_seq))
    assert len(builds) > 10
    assert builds <= set(range(1, 22))
    assert folder.versions()[-1] == folder.current_version()
    assert [item.name for item in folder.path.glob(".unfinished*")] == []
    assert read(folder, "select load_seq from published.about") == [(21,)]
    return versions


def test_readers_see_whole_builds_while_publishers_die(
    given: Publishable, folder: PublishedFolder
) -> None:
    assert read_while_publishers_die(given, folder, [None]) == {duckdb.__version__}


@pytest.mark.long
def test_readers_of_other_versions_see_whole_builds_too(
    given: Publishable, folder: PublishedFolder, tmp_path: Path
) -> None:
    """The oldest drivers that read the storage, one between, and the installed one, at once."""
    drivers: list[Path | None] = [None]
    for version in OLD_DRIVERS:
        drivers.append(tmp_path / "drivers" / version)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
             str(drivers[-1]), f"duckdb=={version}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.skip(f"duckdb {version} cannot be installed: {done.stderr.strip()[-200:]}")
    assert read_while_publishers_die(given, folder, drivers) == {*OLD_DRIVERS, duckdb.__version__}


def test_two_publishers_do_not_meet(given: Publishable, folder: PublishedFolder) -> None:
    with folder.locked(), pytest.raises(LlmAnalyticsError, match="being published to already"):
        publish_it(given, PublishedFolder(folder.path))
    assert folder.path.name == "published"
    assert FILE == "llm_analytics.duckdb"
