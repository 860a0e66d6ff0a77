"""Bad input: what is not valid is quarantined with a reason or refused with one line; no crash."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading import inputs, scan
from llm_analytics.loading.load import LoadOptions, open_work
from llm_analytics.warehouse import Warehouse, open_duckdb
from load_helpers import MOMENT, contents, load_files, query_event, reasons, rows, write_lines

VALID = [
    b"[]", b"{}", b'[1,"a",null,true]', b'{"a":{"b":[{}]}}', b"-0", b"1E22", b"-1.5e-3", b"0e+1",
    b"123456789012345678901234567890", b'""', b'"\\u0041\\n\\/\\\\\\""', b'"\\ud83d\\ude00"',
    b'"\xf0\x9f\x98\x80\xe2\x80\xa8"', b'",}"', b'" NaN, Infinity ,]"', b"[ 1 , 2 ]", b"[[] ]",
    b'{"a":1,"a":2}', b'{"":0}', b"1e-400", b'"\x7f"', b'"-Infinity"', b"[\t]", b'[", ]"]',
]  # fmt: skip
INVALID = [
    b"[1,]", b"[1, ]", b'{"a":1,}', b'{"a":1, }', b"[,1]", b"[1,,2]", b"NaN", b"-NaN", b"nan",
    b"Infinity", b"-Infinity", b"[inf]", b"[ -Inf ]", b'{"a":nAn}', b"01", b"-01", b"+1", b".5",
    b"1.", b"1e", b"0x1", b"1 2", b"'a'", b"True", b"nul", b'"a', b'a"', b'"\\x"', b'"\\u12"',
    b'"\t"', b'"\x00"', b'"\x1f"', b'{"a"}', b"{a:1}", b'{"a":1', b"[1", b"1]", b"{}}", b"[]]",
    b"/*c*/1", b"1//c", b"", b'"a"b', b'{"a":1 "b":2}', b'{"a":/**/1}', b"\xef\xbb\xbf1", b"\xe9",
    b"<a>", b"[1],", b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xff"', b"1,", b"[\x0c1]", b"\xa01",
]  # fmt: skip
START = b'{"event":"llm_query_sent","timestamp":1735732800000,'


def embedded(value: bytes, number: int) -> bytes:
    """An event with a value in a field that the plan does not know."""
    return START + f'"event_id":"v{number}","x":'.encode() + value.replace(b"\n", b"\t") + b"}"


def verdicts(folder: Path, values: list[bytes]) -> set[int]:
    """Which of the values are accepted, by their place."""
    lines = [embedded(value, number) for number, value in enumerate(values)]
    warehouse = folder / "v.duckdb"
    report = load_files(warehouse, write_lines(folder / "queries.jsonl", lines))
    assert report.files[0].n_duplicates == 0
    assert report.files[0].n_lines == len(values)
    found = rows(warehouse, "select event_id from raw.events_queries")
    return {int(event_id[1:]) for (event_id,) in found}


def test_json_values_are_judged_by_the_standard(tmp_path: Path) -> None:
    accepted = verdicts(tmp_path, VALID + INVALID)
    assert accepted == set(range(len(VALID)))


def test_the_json_test_suite(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data" / "bad_input" / "JSONTestSuite" / "test_parsing"
    files = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    # 100,000 open brackets are one of the cases; the largest is 250 kB.
    accepted = verdicts(tmp_path, [path.read_bytes() for path in files])
    for number, path in enumerate(files):
        if path.name.startswith("y_"):
            assert number in accepted, path.name
        elif path.name.startswith("n_"):
            assert number not in accepted, path.name


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"conversation_turn": "5"}, "wrong_type"),
        ({"conversation_turn": 3.7}, "wrong_type"),
        ({"conversation_turn": True}, "wrong_type"),
        ({"conversation_turn": -1}, "out_of_range"),
        ({"conversation_turn": 10**40}, "out_of_range"),
        ({"conversation_turn": 1e-7}, "wrong_type"),
        ({"is_clarification": "true"}, "wrong_type"),
        ({"is_clarification": 1}, "wrong_type"),
        ({"user_id": 5}, "wrong_type"),
        ({"user_id": 1.5e300}, "wrong_type"),
        ({"user_id": True}, "wrong_type"),
        ({"user_id": {"a": 1}}, "wrong_type"),
        ({"user_id": ["a"]}, "wrong_type"),
        ({"user_id": "u" * 513}, "too_long"),
        ({"user_id": "a\0b"}, "invalid_character"),
        ({"user_id": "\ud800"}, "invalid_character"),
        ({"unknown": "\udfff"}, "invalid_character"),
        ({"query_kind": "other"}, "not_in_enum"),
        ({"event": "never_heard"}, "unknown_event"),
        ({"event": 5}, "wrong_type"),
        ({"timestamp": None}, "missing_field"),
        ({"timestamp": "yesterday"}, "invalid_timestamp"),
        ({"timestamp": "2025-02-30T00:00:00Z"}, "invalid_timestamp"),
        ({"timestamp": "2025-01-01"}, "invalid_timestamp"),
        ({"timestamp": "2025-01-01T24:00:00Z"}, "invalid_timestamp"),
        ({"timestamp": "99999-01-01T00:00:00Z"}, "invalid_timestamp"),
        ({"timestamp": "infinity"}, "invalid_timestamp"),
        ({"timestamp": "2009-12-31T23:59:59.999999Z"}, "timestamp_out_of_range"),
        ({"timestamp": 4102444800000}, "timestamp_out_of_range"),
        ({"timestamp": 0}, "timestamp_out_of_range"),
        ({"timestamp": 1735732800}, "timestamp_out_of_range"),
        ({"timestamp": 1735732800000.5}, "invalid_timestamp"),
        ({"timestamp": True}, "wrong_type"),
    ],
)
def test_a_field_that_breaks_the_plan(
    tmp_path: Path, warehouse: Path, fields: dict[str, Any], reason: str
) -> None:
    path = write_lines(tmp_path / "queries.jsonl", [query_event(1, **fields), query_event(2)])
    report = load_files(warehouse, path)
    assert (reasons(report), report.landed) == ([reason], {"queries": 1})


@pytest.mark.parametrize(
    ("field", "text", "column", "expected"),
    [
        ("conversation_turn", "1e3", "conversation_turn", 1000),
        ("conversation_turn", "12.0", "conversation_turn", 12),
        ("conversation_turn", "-0", "conversation_turn", 0),
        ("user_id", '"12345"', "user_id", "12345"),
        ("user_id", '"-1.5e3"', "user_id", "-1.5e3"),
        ("user_id", '"true"', "user_id", "true"),
        ("user_id", '"{}"', "user_id", "{}"),
        ("user_id", '"null"', "user_id", "null"),
        ("user_id", '"\\u00e9\\"\\n"', "user_id", 'é"\n'),
        ("user_id", '""', "user_id", None),
        ("app_id", '""', "app_id", ""),
        ("timestamp", '"2025-01-01T13:30:00.1234567+01:30"', "occurred_at",
         datetime(2025, 1, 1, 12, 0, 0, 123456)),
        ("timestamp", '"2025-01-01 12:00:00"', "occurred_at", datetime(2025, 1, 1, 12)),
        ("timestamp", '"2025-01-01T12:00:00Z"', "occurred_at", datetime(2025, 1, 1, 12)),
        ("timestamp", "1.7357328e12", "occurred_at", datetime(2025, 1, 1, 12)),
        ("query_kind", "null", "query_kind", None),
    ],
)  # fmt: skip
def test_a_valid_value_in_a_rare_form(
    tmp_path: Path, warehouse: Path, field: str, text: str, column: str, expected: Any
) -> None:
    event = query_event(1)
    event.pop(field, None)
    line = (json.dumps(event)[:-1] + f', "{field}": {text}' + "}").encode()
    for number, form in enumerate((line, line.replace(b", ", b" , "))):
        path = write_lines(tmp_path / str(number) / "queries.jsonl", [form])
        report = load_files(tmp_path / f"{number}.duckdb", path)
        assert report.reasons == {}
        found = rows(tmp_path / f"{number}.duckdb", f"select {column} from raw.events_queries")
        assert found == [(expected,)]


def test_both_lanes_read_numbers_and_repeated_keys_alike(tmp_path: Path, warehouse: Path) -> None:
    generator = random.Random(7)  # noqa: S311
    lines = []
    for number in range(3000):
        value: float = generator.choice(
            [generator.random() * 10 ** generator.randint(-14, 6), generator.random(),
             round(generator.random(), generator.randint(1, 12)), 5e-13, 2.5e-12, 1e-7]
        )  # fmt: skip
        start = f'{{"event":"llm_response_generated","timestamp":{MOMENT},"event_id":"{number}",'
        values = f'"status":"error","status":"success","logged_cost_usd":{value!r}'
        lines.append((start + values + "}").encode())
        lines.append((start + values + ',"x":[ ]}').encode())  # diverted to the strict parser
    report = load_files(warehouse, write_lines(tmp_path / "responses.jsonl", lines))
    assert report.files[0].n_duplicates == 3000
    for event_id, cost, status in rows(
        warehouse, "select event_id, logged_cost_usd, status from raw.events_responses"
    ):
        value = json.loads(lines[2 * int(event_id)])["logged_cost_usd"]
        assert cost == Decimal(repr(value)).quantize(Decimal("1e-12"), ROUND_HALF_UP)
        assert status == "error"


def _mutations() -> list[Callable[[dict[str, Any], random.Random], bytes]]:
    """Ways to change a valid event into a line, valid or not."""

    def dump(event: dict[str, Any]) -> bytes:
        return json.dumps(event).encode()

    def swap(event: dict[str, Any], rng: random.Random) -> bytes:
        value: Any = rng.choice(
            [None, True, "", "5", 5, 5.0, 3.7, -1, 1e15, "x" * 600, [], {}, "new", "é", "a\0",
             "2025-01-01T00:00:00+05:30", "2031", 1735732800000, "NaN", " ,}"]
        )  # fmt: skip
        return dump({**event, rng.choice([*event, "query_kind", "is_clarification"]): value})

    def cut(event: dict[str, Any], rng: random.Random) -> bytes:
        line = dump(event)
        return line[: rng.randrange(len(line))]

    def flip(event: dict[str, Any], rng: random.Random) -> bytes:
        line = bytearray(dump(event))
        line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
        return bytes(line).replace(b"\n", b" ").replace(b"\r", b" ")

    def insert(event: dict[str, Any], rng: random.Random) -> bytes:
        line = dump(event)
        at = rng.randrange(len(line))
        part = rng.choice([b",", b"NaN", b" ", b"\t", b"\xff", b"\\u0000", b"}", b'"', b"\0", b"0"])
        return line[:at] + part + line[at:]

    def drop(event: dict[str, Any], rng: random.Random) -> bytes:
        name = rng.choice(list(event))
        return dump({k: v for k, v in event.items() if k != name})

    def same(event: dict[str, Any], rng: random.Random) -> bytes:
        return dump(event)

    def blank(event: dict[str, Any], rng: random.Random) -> bytes:
        return rng.choice([b"", b"  ", b"\t", b"\r"])

    return [swap, swap, cut, flip, flip, insert, insert, drop, same, blank]


def _oracle(line: bytes, schemas: dict[str, Any]) -> tuple[str, Any]:
    """What must become of a line: (blank | quarantined | accepted, its content)."""
    if not line.strip(b" \t\r"):
        return "blank", None

    def refuse(name: str) -> None:
        raise ValueError(name)

    def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            found.setdefault(key, value)
        return found

    try:
        record = json.loads(
            line.decode().strip(" \t\r"), parse_constant=refuse, object_pairs_hook=first_wins
        )
        json.dumps(record, ensure_ascii=False).encode()  # no half of a surrogate pair
    except (ValueError, UnicodeError):
        return "quarantined", None
    if not isinstance(record, dict):
        return "quarantined", None
    event = record.get("event")
    if event is None:
        event = "llm_query_sent"
    if not isinstance(event, str) or event not in schemas:
        return "quarantined", None
    schema = schemas[event]
    known = {k: v for k, v in record.items() if k in schema["properties"] and v is not None}
    known = {
        k: v for k, v in known.items() if v != "" or not schema["properties"][k].get("minLength")
    }
    if not jsonschema.Draft202012Validator(schema).is_valid(known):
        return "quarantined", None
    if any(isinstance(v, str) and "\0" in v for v in known.values()):
        return "quarantined", None
    moment = known["timestamp"]
    try:
        if isinstance(moment, str):
            if len(moment) < 19 or moment[4] != "-" or moment[10] not in "tT ":
                return "quarantined", None
            parsed = datetime.fromisoformat(moment)
            parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        else:
            parsed = datetime.fromtimestamp(moment / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return "quarantined", None
    if not datetime(2010, 1, 1, tzinfo=UTC) <= parsed <= datetime.now(UTC):
        return "quarantined", None
    known.pop("event", None)
    known["timestamp"] = parsed
    return "accepted", (schema["x-stream"], tuple(sorted(known.items(), key=lambda pair: pair[0])))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_line_is_lost_under_random_mutations(
    tmp_path: Path, warehouse: Path, root: Path, seed: int
) -> None:
    schemas = {}
    for path in (root / "docs" / "tracking_plan").glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        schemas[schema["x-event"]] = schema
    generator = random.Random(seed)  # noqa: S311
    mutations = _mutations()
    lines = [
        generator.choice(mutations)(query_event(generator.randrange(40)), generator)
        for _ in range(300)
    ]
    expected = [_oracle(line, schemas) for line in lines]
    path = write_lines(tmp_path / "queries.jsonl", lines)
    file = load_files(warehouse, path, text="keep").files[0]
    accepted = [content for verdict, content in expected if verdict == "accepted"]
    quarantined = rows(warehouse, "select line_number from raw.quarantine")
    expected_lines = {n + 1 for n, (verdict, _) in enumerate(expected) if verdict == "quarantined"}
    assert {number for (number,) in quarantined} == expected_lines
    assert file.n_lines == 300
    assert file.n_blank == sum(1 for verdict, _ in expected if verdict == "blank")
    assert file.n_accepted == len(set(accepted))
    assert file.n_duplicates == len(accepted) - len(set(accepted))
    path = write_lines(tmp_path / "r" / "queries.jsonl", reversed(lines))
    load_files(warehouse, path, text="keep")
    assert sum(contents(warehouse).values()) == len(set(accepted))


@pytest.mark.parametrize("damage", ["cut", "crc", "flush", "garbage"])
def test_a_damaged_gzip_is_refused_and_nothing_changes(
    tmp_path: Path, warehouse: Path, damage: str
) -> None:
    raw = b"".join(json.dumps(query_event(n)).encode() + b"\n" for n in range(500))
    data = bytearray(gzip.compress(raw))
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "crc":
        data[-6] ^= 1
    elif damage == "garbage":
        data += b"more"
    else:
        import zlib

        packer = zlib.compressobj(wbits=31)
        data = bytearray(packer.compress(raw) + packer.flush(zlib.Z_FULL_FLUSH))
    path = tmp_path / "queries.jsonl.gz"
    path.write_bytes(data)
    good = write_lines(tmp_path / "queries.jsonl", [query_event(1)])
    with pytest.raises(LlmAnalyticsError, match=r"is (corrupt|truncated)"):
        load_files(warehouse, good, path)
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]


def test_a_truncated_zstd_is_refused(tmp_path: Path, warehouse: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    raw = b"".join(json.dumps(query_event(n)).encode() + b"\n" for n in range(500))
    path = tmp_path / "queries.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(raw)[:-9])
    with pytest.raises(LlmAnalyticsError, match="truncated"):
        load_files(warehouse, path)


def test_a_bomb_is_refused(
    tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "BOMB_BYTES", 4 << 20)
    path = tmp_path / "queries.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * (64 << 20)))
    with pytest.raises(LlmAnalyticsError, match="decompression bomb"):
        load_files(warehouse, path)


def test_a_line_of_40_mb_is_quarantined_and_the_others_land(
    tmp_path: Path, warehouse: Path
) -> None:
    long = json.dumps(query_event(1, filler="x" * 40_000_000)).encode()
    long_text = query_event(2, filler="y" * 10_000_000)
    path = write_lines(tmp_path / "queries.jsonl", [query_event(0), long, long_text, b"{"])
    report = load_files(warehouse, path)
    assert report.reasons == {"line_too_long": 1, "not_json": 1}
    assert report.landed == {"queries": 2}
    found = rows(warehouse, "select line_number from raw.quarantine order by 1")
    assert found == [(2,), (4,)]


def test_names_of_files_and_folders_are_data(tmp_path: Path, warehouse: Path) -> None:
    write_lines(tmp_path / "queries-1.jsonl", [query_event(1)])
    trap = write_lines(tmp_path / "queries*.jsonl", [query_event(2)])
    assert load_files(warehouse, trap).landed == {"queries": 1}
    evil = tmp_path / "user_id=evil" / "queries'; drop schema raw; --.jsonl"
    load_files(warehouse, write_lines(evil, [query_event(3)]))
    load_files(warehouse, write_lines(tmp_path / "[red]queries.jsonl", [query_event(4)]))
    found = rows(warehouse, "select event_id, user_id from raw.events_queries order by 1")
    assert found == [("q-2", "user-2"), ("q-3", "user-3"), ("q-4", "user-4")]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("queries.parquet", b"PAR1 but no more", "cannot be read as Parquet"),
        ("queries.parquet", b"not at all", "is not a Parquet file"),
        ("queries.jsonl.gz", b"\x1f\x8b\x08", "truncated"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, warehouse: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(LlmAnalyticsError, match=message) as caught:
        load_files(warehouse, tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_is_not_there(tmp_path: Path, warehouse: Path) -> None:
    with pytest.raises(LlmAnalyticsError, match="no such file"):
        load_files(warehouse, tmp_path / "none.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LlmAnalyticsError, match="no file to load in the folder"):
        load_files(warehouse, tmp_path / "empty")


@pytest.mark.parametrize("name", ["raw.duckdb", "Marts.db", "staging.v2.duckdb"])
def test_a_warehouse_named_like_a_schema(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DuckDB would call the database as one of its schemas, and then know neither by its name."""
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / name))
    write_lines(tmp_path / "queries.jsonl", [query_event(1)])
    assert main(["load", str(tmp_path / "queries.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "is named like a schema" in said
    assert said.count("\n") == 1
    assert not (tmp_path / name).exists()


def test_csv_records_that_are_none(tmp_path: Path, warehouse: Path) -> None:
    path = tmp_path / "queries.csv"
    path.write_bytes(
        b"timestamp,user_id,query_text,conversation_turn\r\n"
        b'1735732800000,007,"a ""b""\nc",1\r\n'
        b"1735732800000,u\n"
        b"\n"
        b"1735732800000,\xff,a,1\n"
        b"1735732800000,u,a,x\n"
        b"=cmd(),u,a,1\n"
    )
    report = load_files(warehouse, path, text="keep")
    assert report.reasons == {
        "invalid_timestamp": 1, "invalid_utf8": 1, "wrong_cell_count": 1, "wrong_type": 1,
    }  # fmt: skip
    assert report.files[0].n_blank == 1
    found = rows(warehouse, "select user_id, query_text from raw.events_queries")
    assert found == [("007", 'a "b"\nc')]


def test_a_cut_or_wrong_json_array_loses_only_what_is_wrong(
    tmp_path: Path, warehouse: Path
) -> None:
    good = [json.dumps(query_event(n), indent=2) for n in range(3)]
    raw_break = json.dumps(query_event(8)).replace("user-1", "user\n1")
    data = "[" + ",\n".join([good[0], "5", raw_break, good[1], good[2], '{"event": "llm_qu'])
    path = tmp_path / "queries.json"
    path.write_text(data, encoding="utf-8")
    report = load_files(warehouse, path)
    assert report.landed == {"queries": 3}
    assert report.reasons == {"not_json": 2, "not_object": 1}


def test_a_full_disk_is_one_line_and_changes_nothing(tmp_path: Path, warehouse: Path) -> None:
    load_files(warehouse, write_lines(tmp_path / "a" / "queries.jsonl", [query_event(1)]))
    before = contents(warehouse)
    path = write_lines(
        tmp_path / "queries.jsonl", (query_event(n, app_id=f"{n:090d}") for n in range(40_000))
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

    result = subprocess.run(
        [sys.executable, "-m", "llm_analytics", "load", str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        env={**os.environ, "LLM_ANALYTICS_WAREHOUSE": str(warehouse)},
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "llm-analytics: the disk is full; nothing was changed\n"
    assert contents(warehouse) == before


@pytest.mark.long
def test_memory_of_512_mb_is_enough(tmp_path: Path, warehouse: Path) -> None:
    path = write_lines(
        tmp_path / "queries.jsonl",
        (query_event(n, query_text=f"{n} " + "word " * 150) for n in range(300_000)),
    )
    assert load_files(warehouse, path, memory_limit="512MB").landed == {"queries": 300_000}


def test_the_vectorised_scan_finds_every_suspicious_place() -> None:
    generator = random.Random(3)  # noqa: S311
    alphabet = b'{}[],: \t"naNAiIfF1-'
    reference = [b",}", b",]", b", }", b",\t ]", b":nan}", b" NaN,", b"[inf]", b"-INF ", b",Nan\t"]
    assert len(scan.suspicious_positions(b'{"t":"nan info, an infinite Nanny, banana,"}')) == 0
    for number in range(2000):
        data = bytes(generator.choices(alphabet, k=60)) + reference[number % len(reference)]
        data += bytes(generator.choices(alphabet, k=9))
        found = set(scan.suspicious_positions(data).tolist())
        for pattern in reference:
            at = data.find(pattern)
            if at >= 0:
                assert any(at <= place <= at + len(pattern) for place in found), (data, pattern)


def test_the_working_connection_reaches_the_staging_folder_only(
    tmp_path: Path, warehouse: Path
) -> None:
    folder = tmp_path / "staging"
    folder.mkdir()
    outside = write_lines(tmp_path / "outside.jsonl", [query_event(1)])
    work = open_work(Warehouse(str(warehouse)), folder, LoadOptions())
    for attempt in (
        f"select * from read_text('{outside}')",
        f"select * from read_json('{folder}/../outside.jsonl')",
        f"attach '{tmp_path}/other.duckdb'",
        f"copy (select 1) to '{tmp_path}/out.csv'",
        "set enable_external_access = true",
        "install httpfs",
    ):
        with pytest.raises(duckdb.Error):
            work.execute(attempt)
    work.close()


def test_what_reads_a_warehouse_reaches_its_file_and_a_lake_only(
    tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = write_lines(tmp_path / "outside.jsonl", [query_event(1)])
    load_files(warehouse, outside)
    lake = tmp_path / "it's a lake"
    inside = write_lines(lake / "inside.jsonl", [query_event(2)])
    monkeypatch.setenv("LLM_ANALYTICS_LAKE", str(lake))
    with open_duckdb(str(warehouse), read_only=True) as reader:
        quoted = str(inside).replace("'", "''")
        assert reader.execute(f"select user_id from read_json('{quoted}')").fetchall()
        assert reader.execute("select user_id from raw.events_queries").fetchall()
        open_duckdb(str(warehouse), read_only=True).close()  # one more in this process
        for attempt in (
            f"select * from read_text('{outside}')",
            f"attach '{tmp_path}/other.duckdb'",
            f"copy raw.events_queries to '{tmp_path}/out.csv'",
            "set enable_external_access = true",
            "set allowed_directories = ['/']",
        ):
            with pytest.raises(duckdb.Error):
                reader.execute(attempt)
