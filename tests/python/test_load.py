"""Loading: formats, policy, duplicates, the log, and the same result however the files are cut."""

from __future__ import annotations

import csv
import gzip
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading import landing
from llm_analytics.loading import load as load_module
from llm_analytics.loading.reasons import Reason
from llm_analytics.loading.scan import PieceFiles, Scanner
from llm_analytics.privacy.redaction import redact
from llm_analytics.sources.registry import find_source
from llm_analytics.tracking_plan import read_plan
from load_helpers import contents, load_files, query_event, reasons, rows, write_lines

EVENTS = [query_event(number) for number in range(50)]


def test_the_guides_events_land_typed(tmp_path: Path, warehouse: Path) -> None:
    guide = [
        {
            "event": "llm_query_sent",
            "timestamp": 1735732800123,
            "user_id": "u",
            "session_id": "s",
            "query_text": "Zwei Wörter",
            "query_length": 11,
            "conversation_turn": 1,
        },
        {
            "event": "llm_response_generated",
            "timestamp": 1735732801123,
            "user_id": "u",
            "session_id": "s",
            "response_text": "é" * 9,
            "tokens_used": 12,
            "latency_ms": 900,
            "model_version": "m",
            "conversation_turn": 1,
            "logged_cost_usd": 0.000123456789,
        },
        {
            "event": "response_feedback",
            "timestamp": 1735732802123,
            "user_id": "u",
            "session_id": "s",
            "response_id": "r",
            "feedback_type": "thumbs_up",
            "feedback_score": 1,
            "feedback_text": None,
        },
    ]
    report = load_files(warehouse, write_lines(tmp_path / "mixed.jsonl", guide))
    assert report.landed == {"feedback": 1, "queries": 1, "responses": 1}
    found = rows(
        warehouse,
        "select occurred_at, user_id, query_text, query_length, text_length, text_word_count,"
        " file_number, line_number, load_seq from raw.events_queries",
    )
    moment = datetime(2025, 1, 1, 12, 0, 0, 123000)
    assert found == [(moment, "u", None, 11, 11, 2, 1, 1, 1)]
    found = rows(
        warehouse, "select response_length, logged_cost_usd, line_number from raw.events_responses"
    )
    assert found == [(9, Decimal("0.000123456789"), 2)]
    found = rows(warehouse, "select feedback_score, text_length from raw.events_feedback")
    assert found == [(Decimal("1.000000"), None)]


def test_all_formats_give_the_same_rows(tmp_path: Path, warehouse: Path) -> None:
    plain = write_lines(tmp_path / "a" / "queries.jsonl", EVENTS)
    raw = plain.read_bytes()
    expected = load_files(warehouse, plain)
    assert expected.landed == {"queries": 50}
    others = {
        "queries.jsonl.gz": gzip.compress(raw[:999]) + gzip.compress(raw[999:]),
        "queries.json": json.dumps(EVENTS, indent=1).encode(),
        "queries.ndjson": raw.replace(b"\n", b"\r\n"),
        "events.jsonl": b"\xef\xbb\xbf" + raw.rstrip(b"\n"),
    }
    zstandard = pytest.importorskip("zstandard")
    others["queries.jsonl.zst"] = zstandard.ZstdCompressor().compress(raw)
    for name, data in others.items():
        path = tmp_path / "b" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    with (tmp_path / "b" / "queries.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, EVENTS[0].keys())
        writer.writeheader()
        writer.writerows(EVENTS)
    connection = duckdb.connect()
    target = tmp_path / "b" / "queries.parquet"
    connection.execute(f"copy (select * from read_json('{plain}')) to '{target}'")
    report = load_files(warehouse, tmp_path / "b")
    assert len(report.files) == 7
    for one in report.files:
        assert (one.n_lines, one.n_duplicates) == (50, 50), one.file_name


def test_standard_input(tmp_path: Path, warehouse: Path) -> None:
    data = write_lines(tmp_path / "x", EVENTS).read_bytes()
    result = subprocess.run(
        [sys.executable, "-m", "llm_analytics", "load", "--json", "-"],
        input=gzip.compress(data),
        capture_output=True,
        check=True,
        env={**os.environ, "LLM_ANALYTICS_WAREHOUSE": str(warehouse)},
    )
    assert json.loads(result.stdout)["landed"] == {"queries": 50}


def test_the_stream_comes_from_the_event_then_the_file_then_the_option(
    tmp_path: Path, warehouse: Path
) -> None:
    bare = query_event(1)
    del bare["event"]
    path = write_lines(tmp_path / "queries-2025-01.jsonl", [bare])
    assert load_files(warehouse, path).landed == {"queries": 1}
    other = write_lines(tmp_path / "queriesque.jsonl", [bare])
    assert reasons(load_files(warehouse, other)) == ["no_stream"]
    assert load_files(warehouse, other, stream="queries").files[0].n_duplicates == 1
    feedback = {"event": "response_feedback", "timestamp": 1735732802123, "feedback_type": "nps"}
    path = write_lines(tmp_path / "queries.jsonl", [feedback, query_event(2)])
    assert load_files(warehouse, path).landed == {"feedback": 1, "queries": 1}


def test_duplicates_are_counted_and_other_content_lands(tmp_path: Path, warehouse: Path) -> None:
    first, changed = query_event(1), query_event(1, conversation_turn=99)
    path = write_lines(tmp_path / "queries.jsonl", [first, first, changed, query_event(2)])
    file = load_files(warehouse, path).files[0]
    assert (file.n_accepted, file.n_duplicates) == (3, 1)
    again = load_files(warehouse, path)
    assert (again.files[0].n_accepted, again.files[0].n_duplicates) == (0, 4)
    assert again.load_seq == 2


def test_events_without_an_id_get_one_from_their_content(tmp_path: Path, warehouse: Path) -> None:
    bare = {k: v for k, v in query_event(1).items() if k != "event_id"}
    other_text = {**bare, "query_text": "something else"}
    slow = json.dumps({**bare, "nested": [1, 2]}).replace("2]", "2 ]").encode()
    other_form = {**bare, "timestamp": "2025-01-01T13:00:01+01:00", "event_id": ""}
    path = write_lines(tmp_path / "queries.jsonl", [bare, other_text, bare, slow, other_form])
    file = load_files(warehouse, path).files[0]
    assert (file.n_accepted, file.n_duplicates) == (2, 3)
    ids = [row[0] for row in rows(warehouse, "select event_id from raw.events_queries")]
    assert all(re.fullmatch("[0-9a-f]{32}", event_id) for event_id in ids)
    keyed = tmp_path / "keyed.duckdb"
    load_files(keyed, path, key=b"k")
    assert not set(ids) & {r[0] for r in rows(keyed, "select event_id from raw.events_queries")}


def test_ids_are_keyed_before_they_land(tmp_path: Path, warehouse: Path) -> None:
    secret = "canary-user"
    events = [query_event(n, user_id=secret, account_id=f"acc{n % 2}") for n in range(5)]
    broken = json.dumps(query_event(9, user_id=secret, conversation_turn="x")).encode()
    path = write_lines(tmp_path / "queries.jsonl", [*events, broken])
    load_files(warehouse, path, key=b"key", text="keep")
    expected = hmac.new(b"key", secret.encode(), hashlib.sha256).hexdigest()
    found = rows(warehouse, "select distinct user_id, anonymous_id from raw.events_queries")
    assert found == [(expected, None)]
    assert rows(warehouse, "select count(distinct account_id) from raw.events_queries") == [(2,)]
    assert rows(warehouse, "select raw_text from raw.quarantine") == [(None,)]
    assert secret.encode() not in warehouse.read_bytes()


def test_text_is_kept_redacted_or_dropped_and_its_features_do_not_depend_on_it(
    tmp_path: Path,
) -> None:
    event = query_event(1, query_text="mail jane@example.org now")
    path = write_lines(tmp_path / "queries.jsonl", [event, {**event, "timestamp": "x@y.zz"}])
    features = set()
    for text, expected in (
        ("keep", "mail jane@example.org now"),
        ("redact", "mail [email] now"),
        ("drop", None),
    ):
        warehouse = tmp_path / f"{text}.duckdb"
        load_files(warehouse, path, text=text)
        columns = "text_length, text_word_count, text_signature_1, text_signature_2, query_length"
        row = rows(warehouse, f"select query_text, {columns} from raw.events_queries")[0]
        assert row[0] == expected
        features.add(row[1:])
        kept = rows(warehouse, "select raw_text is not null from raw.quarantine")
        assert kept == [(text == "keep",)]
        assert (b"jane@example" in warehouse.read_bytes()) == (text == "keep")
    assert len(features) == 1
    assert next(iter(features))[:2] == (25, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b+c@sub.example.co.uk", "[email]"),
        ("call +1 (415) 555-0132 now", "call [phone] now"),
        ("card 4111 1111 1111 1111", "card [card]"),
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
        ("from 192.168.0.1 to 2001:db8::1", "from [ip] to [ip]"),
        ("sk-abcdefghijklmnop1234", "[secret]"),
        ("in 2025 we had 12 of 100 at 10:30", "in 2025 we had 12 of 100 at 10:30"),
    ],
)
def test_redaction(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_halves_then_the_whole_equal_the_whole(tmp_path: Path, warehouse: Path) -> None:
    records = [*EVENTS, b"{broken", query_event(3, conversation_turn=7), b"", EVENTS[0]]
    whole = write_lines(tmp_path / "queries.jsonl", records)
    load_files(warehouse, whole)
    load_files(warehouse, whole)
    other = tmp_path / "halves.duckdb"
    load_files(other, write_lines(tmp_path / "a" / "queries.jsonl", records[30:]))
    load_files(other, write_lines(tmp_path / "b" / "queries.jsonl", records[:30]))
    load_files(other, whole)
    assert contents(warehouse) == contents(other)
    assert sum(contents(warehouse).values()) == 51
    quarantined = "select reason, raw_sha256 from raw.quarantine"
    assert rows(warehouse, quarantined) == rows(other, quarantined)


def test_a_quarantined_line_is_found_by_file_line_and_offset(
    tmp_path: Path, warehouse: Path
) -> None:
    good = json.dumps(EVENTS[0]).encode()
    bad = b'{"timestamp": "never"}'
    path = write_lines(tmp_path / "queries.jsonl", [good, b"", bad, b"[1,]", EVENTS[1]])
    report = load_files(warehouse, path, text="keep")
    found = rows(
        warehouse,
        "select file_number, line_number, byte_offset, stream, reason, detail, raw_text,"
        " raw_sha256 from raw.quarantine order by line_number",
    )
    start = len(good) + 2
    digest = hashlib.sha256(bad).hexdigest()
    assert found[0] == (
        1,
        3,
        start,
        "queries",
        "invalid_timestamp",
        "timestamp",
        bad.decode(),
        digest,
    )
    assert found[1][1:5] == (4, start + len(bad) + 1, "queries", "not_json")
    file = report.files[0]
    assert (file.n_lines, file.n_blank, file.n_accepted, file.n_quarantined) == (5, 1, 2, 2)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    logged = rows(warehouse, "select sha256, n_lines, n_bytes from raw.loaded_files")
    assert logged == [(file.sha256, 5, path.stat().st_size)]


def test_line_numbers_are_exact_over_many_pieces(
    tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small_pieces(events: dict[str, str], files: PieceFiles) -> Scanner:
        return Scanner(events, files, 1 << 19)

    monkeypatch.setattr(load_module, "Scanner", small_pieces)
    records = [b"" if n % 97 == 0 else query_event(n, filler="x" * 300) for n in range(20_000)]
    load_files(warehouse, write_lines(tmp_path / "queries.jsonl", records))
    wrong = rows(
        warehouse,
        "select count(*) from raw.events_queries where event_id <> concat('q-', line_number - 1)",
    )
    assert wrong == [(0,)]
    assert rows(warehouse, "select count(*) from raw.events_queries") == [(20_000 - 207,)]


def test_a_column_is_added_when_the_plan_has_grown(tmp_path: Path, warehouse: Path) -> None:
    load_files(warehouse, write_lines(tmp_path / "queries.jsonl", EVENTS[:1]))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("alter table raw.events_queries drop column feature")
    path = write_lines(tmp_path / "queries.jsonl", [query_event(99, feature="f")])
    load_files(warehouse, path)
    found = rows(warehouse, "select feature from raw.events_queries order by load_seq")
    assert found == [(None,), ("f",)]


def test_a_field_that_appears_late_is_not_overlooked(tmp_path: Path, warehouse: Path) -> None:
    events = [query_event(n) for n in range(600)]
    events[555]["feature"] = "search"
    events[556]["user_id"] = "12345"
    del events[557]["event_id"]
    report = load_files(warehouse, write_lines(tmp_path / "queries.jsonl", events))
    assert report.landed == {"queries": 600}
    found = rows(
        warehouse,
        "select line_number, feature, user_id from raw.events_queries"
        " where line_number between 556 and 558 order by line_number",
    )
    assert found == [(556, "search", "user-2"), (557, None, "12345"), (558, None, "user-4")]


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_load_that_fails_at_its_end_changes_nothing(
    tmp_path: Path,
    warehouse: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
) -> None:
    target: Path | str = warehouse
    if engine == "postgres":
        target = request.getfixturevalue("fresh_postgres_database")
    path = write_lines(tmp_path / "queries.jsonl", EVENTS)

    def fail(*arguments: object) -> None:
        raise LlmAnalyticsError("stop here")

    with monkeypatch.context() as patch:
        patch.setattr(landing, "log_load", fail)
        with pytest.raises(LlmAnalyticsError, match="stop here"):
            load_files(target, path)
    report = load_files(target, path)
    assert (report.load_seq, report.landed) == (1, {"queries": 50})


def test_every_field_of_the_plan_lands(tmp_path: Path, warehouse: Path) -> None:
    samples = {
        "string": "x",
        "integer": 1,
        "number": 0.5,
        "boolean": True,
        "timestamp": "2025-01-01T00:00:00Z",
    }
    for stream in read_plan().values():
        event = {
            f.name: f.values[0] if f.values else samples[f.kind]
            for f in stream.fields
            if f.name != "event"
        }
        path = write_lines(tmp_path / f"{stream.name}.jsonl", [{"event": stream.event, **event}])
        assert load_files(warehouse, path, text="keep").landed == {stream.name: 1}
        row = rows(warehouse, f"select * from raw.events_{stream.name}")[0]
        assert None not in row, stream.name


def test_a_file_that_is_empty_has_no_lines(tmp_path: Path, warehouse: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.touch()
    file = load_files(warehouse, path).files[0]
    assert (file.n_lines, file.n_bytes) == (0, 0)


def test_a_killed_load_leaves_all_or_nothing(tmp_path: Path, warehouse: Path) -> None:
    load_files(warehouse, write_lines(tmp_path / "one" / "queries.jsonl", EVENTS))
    path = write_lines(
        tmp_path / "queries.jsonl", (query_event(n, filler="x" * 200) for n in range(100, 60_100))
    )
    environment = {**os.environ, "LLM_ANALYTICS_WAREHOUSE": str(warehouse)}
    for delay in (0.6, 1.2, 1.6, 2.0):
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_analytics", "load", "--json", str(path)],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        n = rows(warehouse, "select count(*) from raw.events_queries")[0][0]
        n_loads = rows(warehouse, "select count(*) from raw.loads")[0][0]
        assert (n, n_loads > 1) in ((50, False), (60_050, True))
    load_files(warehouse, path)
    assert rows(warehouse, "select count(*) from raw.events_queries") == [(60_050,)]


def test_the_reasons_are_those_of_the_documentation(root: Path) -> None:
    page = (root / "docs" / "loading.md").read_text(encoding="utf-8")
    section = page.split("## Reasons", 1)[1].split("\n## ", 1)[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert documented == [str(reason) for reason in Reason]


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(LlmAnalyticsError, match="unknown source 'other'; known: events"):
        find_source("other")


@pytest.mark.postgres
def test_postgres_holds_the_same_raw_tables(
    tmp_path: Path, warehouse: Path, fresh_postgres_database: str
) -> None:
    import psycopg2

    path = write_lines(
        tmp_path / "queries.jsonl",
        [*EVENTS, EVENTS[0], b"{", query_event(70, query_text='a, "b"\n\\N', feature="")],
    )
    for target in (warehouse, fresh_postgres_database):
        load_files(target, path, text="keep")
        report = load_files(target, path, text="keep")
        assert (report.files[0].n_accepted, report.files[0].n_duplicates) == (0, 52)
    connection = psycopg2.connect(fresh_postgres_database)
    for table in ("events_queries", "quarantine", "loaded_files"):
        with connection.cursor() as cursor:
            cursor.execute(f"select * from raw.{table}")
            assert cursor.description
            names = [f'"{column.name}"' for column in cursor.description]
            there = sorted(map(repr, cursor.fetchall()))
        here = rows(warehouse, f"select {', '.join(names)} from raw.{table}")
        assert there == sorted(map(repr, here))
    connection.close()


def test_values_become_literals_that_the_engine_reads_back_unchanged() -> None:
    values = [
        "it's a ? -- ;",
        None,
        True,
        False,
        -7,
        datetime(2025, 1, 2, 3, 4, 5, 678901),
        "\\'é\0",
    ]
    sql = landing.with_values(f"select {', '.join('?' for _ in values)}", values)
    assert list(duckdb.sql(sql).fetchall()[0]) == values
    assert landing.with_values("select 'what?'", []) == "select 'what?'"
    with pytest.raises(ValueError, match="zip"):
        landing.with_values("select ?, 'what?'", [1])
    with pytest.raises(TypeError, match="no literal for float"):
        landing.with_values("select ?", [1.5])


@pytest.mark.parametrize("lake", [False, True], ids=["warehouse", "lake"])
def test_a_load_does_not_pay_for_pandas(tmp_path: Path, warehouse: Path, lake: bool) -> None:
    """The engine would import it, and pyarrow, at the first value that is bound: two seconds."""
    options = ["--lake", str(tmp_path / "lake")] if lake else []
    path = write_lines(tmp_path / "it's.queries.jsonl", [*EVENTS, EVENTS[0], b"{"])
    program = (
        "import sys; from llm_analytics.cli import main; status = main(sys.argv[1:]);"
        " print(status, 'pandas' in sys.modules, 'pyarrow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "load", *options, "--stream", "queries", str(path)],
        env={**os.environ, "LLM_ANALYTICS_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-1] == "3 False False"
