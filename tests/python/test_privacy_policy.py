"""The privacy policy, what loads make of it, redaction, small cells, and harmless exports."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy.optimize import linprog

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.privacy.exports import csv_cell, html_text, write_csv
from llm_analytics.privacy.policy import DEFAULTS, Policy, TextPolicy
from llm_analytics.privacy.redaction import redact
from llm_analytics.privacy.small_cells import ALL, find_small_cells, suppressed
from llm_analytics.sources.registry import find_source
from llm_analytics.tracking_plan import Stream
from load_helpers import query_event, rows, write_lines

HEADER = "rule,stream,field,value\n"


def policy_file(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


# ---- the file


def test_the_policy_that_ships_is_what_holds_without_one(root: Path) -> None:
    shipped = Policy.load(root / "seeds/privacy_policy.csv")
    assert {one.rule: one.value for one in shipped.rules} == DEFAULTS
    assert all(one.weight == 0 for one in shipped.rules)
    assert shipped.minimum_cohort == 10


def test_the_row_that_names_more_decides(tmp_path: Path) -> None:
    policy = Policy.load(
        policy_file(
            tmp_path / "policy.csv",
            "text,*,feedback_text,keep",
            "text,events_queries,*,redact",
            "text,events_queries,query_text,keep",
            "keep_days,*,*,30",
            "keep_days,events_feedback,*,7",
        )
    )
    assert policy.text("events_queries", "query_text") is TextPolicy.KEEP
    assert policy.text("events_queries", "feedback_text") is TextPolicy.REDACT
    assert policy.text("events_feedback", "feedback_text") is TextPolicy.KEEP
    assert policy.text("events_responses", "response_text") is TextPolicy.DROP
    assert policy.keep_days("events_feedback", "feedback_text") == 7
    assert policy.keep_days("events_queries", "query_text") == 30


def test_a_stream_may_need_another_consent_than_the_rest(tmp_path: Path) -> None:
    lines = ["consent,*,*,opt_in", "consent,feedback,*,opt_out", "opt_out,*,*,from_event"]
    policy = Policy.load(policy_file(tmp_path / "policy.csv", *lines))
    assert policy.consent("queries") == "opt_in"
    assert policy.consent("feedback") == "opt_out"
    assert policy.opt_out == "from_event"
    assert Policy().consent("queries") == "opt_out"
    assert Policy().opt_out == "all_history"


def test_the_check_tells_what_streams_need_and_what_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    lines = ["consent,*,*,opt_in", "consent,feedback,*,opt_out", "opt_out,*,*,from_event"]
    monkeypatch.setenv(
        "LLM_ANALYTICS_PRIVACY_POLICY", str(policy_file(tmp_path / "policy.csv", *lines))
    )
    made = [
        ("c1", 1, "u1", "opt_in", None, 0),
        ("c2", 2, "u1", "opt_out", None, 0),  # later
        ("c3", 1, "u2", "opt_out", None, 0),
        ("c4", 1, "u2", "opt_in", None, 0),  # at one instant a refusal stands
        ("c5", 1, "u3", "opt_out", "marketing", 0),
        ("c6", 1, "u4", "opt_out", None, 0),
        ("c6", 1, "u4", "opt_in", None, 1),  # corrected
    ]
    path = write_lines(
        tmp_path / "events.jsonl",
        [
            {
                "event": "consent_changed",
                "event_id": event_id,
                "event_version": version,
                "timestamp": 1_735_725_600_000 + second,
                "user_id": user,
                "consent": consent,
            }
            | ({"purpose": purpose} if purpose else {})
            for event_id, second, user, consent, purpose, version in made
        ],
    )
    assert main(["load", str(path), "--json"]) == 0
    capsys.readouterr()
    assert main(["policy", "check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["choices"] == {"opt_in": 1, "opt_out": 2}
    assert told["opt_out"] == "from_event"
    assert told["consent"]["queries"] == "opt_in"
    assert told["consent"]["feedback"] == "opt_out"
    assert main(["policy", "check"]) == 0
    shown = capsys.readouterr().out
    assert "A refusal takes out what the user does from then on" in shown
    assert "opt_in 1, opt_out 2, erasure 0" in shown
    assert "Counted until an opt-out: feedback" in shown


def test_the_version_is_that_of_the_rules_and_not_of_their_order(tmp_path: Path) -> None:
    lines = ["text,*,*,keep", "minimum_cohort,*,*,20"]
    versions = [
        Policy.load(policy_file(tmp_path / "policy.csv", *each)).version
        for each in (lines, lines[::-1], [lines[0], "minimum_cohort,*,*,21"])
    ]
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("texts,*,*,keep", "line 2: unknown rule 'texts'"),
        ("text,*,*,hide", "text is one of keep, redact, drop, not 'hide'"),
        ("text,*,*", "text is one of"),
        ("text,,*,keep", "must be named, or"),
        ("keep_days,*,*,0", "a whole number from 1 to 100000, not '0'"),
        ("minimum_cohort,queries,*,5", "is for all streams and fields"),
        ("text,*,*,keep\ntext,*,*,drop", "given twice"),
        ("consent,*,*,perhaps", "consent is one of opt_in, opt_out, not 'perhaps'"),
        ("consent,events_queries,*,opt_in", "consent is about * or one of queries, "),
        ("consent,queries,user_id,opt_in", "consent is for all fields"),
        ("opt_out,queries,*,from_event", "is for all streams and fields"),
        ("opt_out,*,*,never", "opt_out is one of all_history, from_event, not 'never'"),
    ],
)
def test_a_row_that_is_no_rule_is_one_clear_line(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(LlmAnalyticsError, match=re.escape(complaint)):
        Policy.load(policy_file(tmp_path / "policy.csv", line))


def test_a_named_policy_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_PRIVACY_POLICY", str(tmp_path / "none.csv"))
    with pytest.raises(LlmAnalyticsError, match="cannot read the privacy policy"):
        Policy.load()


def test_a_load_treats_each_field_as_the_policy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    lines = ["text,events_queries,*,redact", "text,events_feedback,feedback_text,keep"]
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    monkeypatch.setenv(
        "LLM_ANALYTICS_PRIVACY_POLICY", str(policy_file(tmp_path / "policy.csv", *lines))
    )
    query = query_event(1, query_text="mail jane@example.org")
    feedback = {
        "event": "response_feedback",
        "timestamp": 1_735_725_600_000,
        "user_id": "u1",
        "feedback_type": "comment",
        "feedback_text": "write to jane@example.org",
    }
    answer = {
        "event": "llm_response_generated",
        "timestamp": 1_735_725_600_000,
        "user_id": "u1",
        "response_text": "canary-4711",
        "model": "m",
    }
    path = write_lines(tmp_path / "events.jsonl", [query, feedback, answer, {"event": "canary-x"}])
    assert main(["load", str(path), "--json"]) == 3
    assert rows(warehouse, "select query_text from raw.events_queries") == [("mail [email]",)]
    assert rows(warehouse, "select feedback_text from raw.events_feedback") == [
        ("write to jane@example.org",)
    ]
    assert b"canary" not in warehouse.read_bytes()  # a response's text, and a refused line
    version = Policy.load().version
    logged = rows(warehouse, "select policy, policy_version from raw.loads")
    assert logged == [("mixed", version)]
    assert main(["load", str(path), "--text", "keep", "--json"]) == 3
    assert b"canary-4711" in warehouse.read_bytes()


def canary_event(stream: Stream) -> dict[str, Any]:
    """An event with a string of its own in each field that is a text or says who somebody is."""
    event: dict[str, Any] = {"event": stream.event, "timestamp": 1_735_725_600_000}
    for item in stream.fields:
        if item.is_text or item.is_identifier:
            event[item.name] = f"canary-{stream.name}-{item.name}"
        elif item.is_required and item.name not in event:
            event[item.name] = item.values[0] if item.values else _WANTED.get(item.kind, "x")
    return event


#: What a required field of a kind may hold.
_WANTED: dict[str, Any] = {"number": 1, "integer": 1, "boolean": True}


def test_no_text_and_no_id_of_any_stream_lands_unless_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = find_source("events").streams.values()
    canaries = [
        f"canary-{stream.name}-{item.name}"
        for stream in streams
        for item in stream.fields
        if item.is_text or item.is_identifier
    ]
    assert len(canaries) > 30
    refused = b'{"user_id": "canary-refused", "query_text": "canary-broken'
    sent = write_lines(tmp_path / "sent" / "e.jsonl", [*map(canary_event, streams), refused])
    found = {}
    for policy, options in (("closed", ()), ("open", ("--text", "keep"))):
        folder = tmp_path / policy
        folder.mkdir()
        monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(folder / "warehouse.duckdb"))
        monkeypatch.setenv("LLM_ANALYTICS_ID_KEY", "key" if policy == "closed" else "")
        assert main(["load", str(sent), *options, "--json"]) == 3
        held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
            # Bytes may be compressed; values are not.
            for (table,) in connection.execute(
                "select distinct table_name from duckdb_tables() where schema_name = 'raw'"
            ).fetchall():
                held += repr(connection.execute(f"from raw.{table}").fetchall()).encode()
            counts = connection.execute(
                "select n_accepted, n_quarantined from raw.loads"
            ).fetchall()
        assert counts == [(len(streams), 1)]
        found[policy] = [one for one in (*canaries, "canary-broken") if one.encode() in held]
    assert found == {"closed": [], "open": [*canaries, "canary-broken"]}


# ---- redaction


def made_up(kind: str, random_: random.Random) -> str:
    """A piece of synthetic personal data."""
    digits = [random_.randrange(10) for _ in range(15)]
    match kind:
        case "email":
            name = random_.choice(["jane.doe", "j_d", "o'neil", "info+x", "anna-maria"])
            return f"{name}{random_.randrange(99)}@{random_.choice(['mail', 'a-b', 'x.y'])}.org"
        case "phone":
            text = "".join(map(str, digits[:10]))
            a, b, c = text[:3], text[3:6], text[6:]
            return random_.choice(
                [f"+1 {a}-{b}-{c}", f"({a}) {b}-{c}", f"{a}.{b}.{c}", f"0049 {a} {b}{c}"]
            )
        case "card":
            numbers = [4, *digits[:14]]
            total = sum(
                d if i % 2 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(numbers)
            )
            text = "".join(map(str, [*numbers, -total % 10]))
            return text if random_.random() < 0.5 else " ".join(re.findall("....", text))
        case "iban":
            body = "37040044" + "".join(map(str, digits[:10]))
            check = 98 - int(f"{body}131400") % 97
            text = f"DE{check:02}{body}"
            return text if random_.random() < 0.5 else " ".join(re.findall(".{1,4}", text))
        case "ip":
            four = ".".join(str(random_.randrange(256)) for _ in range(4))
            six = ":".join(f"{random_.randrange(65536):x}" for _ in range(8))
            return random_.choice([four, six])
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    secret = "".join(random_.choice(letters) for _ in range(40))
    return random_.choice(["sk-", "ghp_", "AKIA", "xoxb-", "api_key="]) + secret


FRAMES = ("It is {}.", "please use {} today", "{}", "({}) and 12 of 100", "a: {}, b", "«{}»\nbye")
HARMLESS = (
    "In 2025 we sold 1,250 of 4,000 at 10:30 on 2025-11-26.",
    "Version 3.11.2 of the package, see section 4.2.1 on page 1024.",
    "SELECT a::int, b FROM t WHERE x > 5 -- 100%",
    "The word token is used, and a key to success; password rules apply.",
    "pi is 3.14159265358979 and e 2.718281828",
    "Order 12345 for 99.90 EUR, ratio 16:9, build abcdef1",
)


def test_redaction_finds_synthetic_personal_data() -> None:
    random_ = random.Random(11)  # noqa: S311
    for kind in ("email", "phone", "card", "iban", "ip", "key"):
        found = 0
        for number in range(200):
            value = made_up(kind, random_)
            found += value not in redact(FRAMES[number % len(FRAMES)].format(value))
        assert found >= 190, kind
    touched = [text for text in HARMLESS if redact(text) != text]
    assert not touched


def test_redaction_on_a_published_data_set(shared: Path) -> None:
    path = shared / "data/bad_input/presidio-research/data/synth_dataset_v2.json"
    kinds = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS")
    there: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    right = wrong = 0
    for text in json.loads(path.read_text()):
        redacted = redact(text["full_text"])
        for span in text["spans"]:
            if span["entity_type"] in kinds:
                there[span["entity_type"]] += 1
                missed[span["entity_type"]] += span["entity_value"] in redacted
        marks = len(re.findall(r"\[(?:email|phone|card|iban|ip|secret)\]", redacted))
        wanted = sum(
            span["entity_type"] in (*kinds, "US_SSN", "US_DRIVER_LICENSE") for span in text["spans"]
        )
        right += min(marks, wanted)
        wrong += max(marks - wanted, 0)
    for kind in kinds:
        assert 1 - missed[kind] / there[kind] >= 0.95, kind
    # What else it takes is numbers of houses and post codes: personal data, too.
    assert right / (right + wrong) >= 0.85


# ---- names


@pytest.fixture
def language_model(tmp_path: Path) -> Path:
    """A model of spaCy that knows one person, one place and one group."""
    spacy = pytest.importorskip("spacy", reason="needs the extra `names`")
    pipeline = spacy.blank("en")
    known = {"Ada Lovelace": "PERSON", "Lisbon": "GPE", "Portuguese": "NORP"}
    pipeline.add_pipe("entity_ruler").add_patterns(
        [{"label": label, "pattern": name} for name, label in known.items()]
    )
    pipeline.to_disk(tmp_path / "model")
    return tmp_path / "model"


def test_redacted_texts_lose_names_where_the_policy_names_a_model(
    language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    policy = policy_file(
        tmp_path / "policy.csv", "text,*,*,redact", f"redact_names,*,*,{language_model}"
    )
    monkeypatch.setenv("LLM_ANALYTICS_PRIVACY_POLICY", str(policy))
    said = "I am Ada Lovelace, Portuguese, from Lisbon: ada@example.org, and Ada Lovelace again"
    events = write_lines(tmp_path / "queries.jsonl", [query_event(1, query_text=said)])
    assert main(["load", str(events)]) == 0
    assert rows(tmp_path / "warehouse.duckdb", "select query_text from raw.events_queries") == [
        ("I am [person], [group], from [location]: [email], and [person] again",)
    ]


@pytest.mark.parametrize("is_installed", [True, False])
def test_a_model_that_is_not_there_is_one_line_and_nothing_lands(
    is_installed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if is_installed:
        pytest.importorskip("spacy", reason="needs the extra `names`")
    else:
        monkeypatch.setitem(sys.modules, "spacy", None)
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    policy = policy_file(tmp_path / "policy.csv", "text,*,*,redact", "redact_names,*,*,no_model")
    monkeypatch.setenv("LLM_ANALYTICS_PRIVACY_POLICY", str(policy))
    events = write_lines(tmp_path / "queries.jsonl", [query_event(1, query_text="hello")])
    assert main(["load", str(events)]) == 1
    wanted = "spacy download no_model" if is_installed else "llm-analytics[names]"
    (line,) = capsys.readouterr().err.splitlines()
    assert wanted in line


# ---- small cells


def possible_range(
    cells: dict[tuple[Any, ...], int], hidden: set[tuple[Any, ...]], cell: tuple[Any, ...]
) -> tuple[float, float]:
    """Least and greatest value of a cell for whoever knows all other cells and sums."""
    n_dims = len(cell)
    keys = list(cells)
    every: dict[tuple[Any, ...], list[int]] = {}
    for number, key in enumerate(keys):
        for size in range(1, n_dims + 1):
            for dims in combinations(range(n_dims), size):
                whole = tuple(ALL if d in dims else key[d] for d in range(n_dims))
                every.setdefault(whole, []).append(number)
    factors, known = [], []
    for whole, parts in every.items():
        if whole not in hidden:
            factors.append([1.0 if n in parts else 0.0 for n in range(len(keys))])
            known.append(sum(cells[keys[n]] for n in parts))
    bounds: list[Any] = [(0, None) if key in hidden else (cells[key], cells[key]) for key in keys]
    ends = []
    for sign in (1, -1):
        aim = [sign * (key == cell) for key in keys]
        equations: dict[str, Any] = {"A_eq": np.array(factors), "b_eq": known} if factors else {}
        best = linprog(np.array(aim), bounds=bounds, method="highs", **equations)
        ends.append(float("inf") if best.fun is None else sign * best.fun)
    return ends[0], ends[1]


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_no_small_cell_can_be_computed_from_what_is_published(n_dims: int) -> None:
    random_ = random.Random(n_dims)  # noqa: S311
    n_small = n_open = 0
    for _ in range(8):
        shape = [random_.randint(2, 5) for _ in range(n_dims)]
        cells: dict[tuple[Any, ...], int] = {}
        for key in np.ndindex(*shape):
            if random_.random() < 0.85:
                cells[tuple(map(int, key))] = random_.choice([0, 1, 3, 9, 10, 12, 40, 200])
        names = [f"d{number}" for number in range(n_dims)]
        table = [{**dict(zip(names, key, strict=True)), "n": n} for key, n in cells.items()]
        found = find_small_cells(table, names, "n", 10)
        keys = list(cells)
        hidden = {keys[place] for place in found.rows} | set(found.totals)
        assert {keys[place] for place in found.small} == {k for k, n in cells.items() if 0 < n < 10}
        for place in found.small:
            least, most = possible_range(cells, hidden, keys[place])
            assert least < cells[keys[place]] or most > cells[keys[place]]
            assert most >= 10
        n_small += len(found.small)
        n_open += len(cells) - len(found.rows)
    assert n_small > 5
    assert n_open > 0


def test_a_small_cell_takes_the_next_smallest_with_it() -> None:
    table = [
        {"model": m, "users": n, "cost": n * 2}
        for m, n in zip("abcd", (50, 3, 40, 20), strict=True)
    ]
    published = suppressed(table, ["model"], "users", 10)
    assert [row["is_suppressed"] for row in published] == [False, True, False, True]
    assert published[1] == {"model": "b", "users": None, "cost": None, "is_suppressed": True}
    assert published[0] == {"model": "a", "users": 50, "cost": 100, "is_suppressed": False}


def test_ten_single_users_do_not_hide_each_other() -> None:
    table = [{"model": str(n), "users": 1} for n in range(10)] + [{"model": "x", "users": 90}]
    assert find_small_cells(table, ["model"], "users", 10).rows == frozenset(range(11))


def test_a_sum_about_few_is_withheld_like_a_cell() -> None:
    table = [{"model": "a", "plan": "pro", "n": 2}, {"model": "b", "plan": "free", "n": 70}]
    found = find_small_cells(table, ["model", "plan"], "n", 10)
    assert ("a", ALL) in found.totals
    assert (ALL, "pro") in found.totals
    # Neither does the grand total less the other model give it away.
    assert (ALL, ALL) in found.totals or ("b", ALL) in found.totals


def test_a_table_of_large_cells_is_published_as_it_is() -> None:
    table = [{"model": m, "users": n} for m, n in zip("abc", (10, 0, 11), strict=True)]
    assert not find_small_cells(table, ["model"], "users", 10).rows
    with pytest.raises(ValueError, match="two rows have the same"):
        find_small_cells([*table, table[0]], ["model"], "users", 10)


# ---- exports


def test_cells_run_nothing_and_text_brings_no_markup(root: Path) -> None:
    hostile = ["=1+1", "+A1", "-2+3", "@SUM(A1)", "\t=1", "  =cmd|' /C calc'!A0", "a\0b", "\uff1d1"]
    file = io.StringIO()
    write_csv(file, ["=name", "value"], [(text, -5) for text in hostile])
    read = list(csv.reader(io.StringIO(file.getvalue())))
    assert read[0] == ["'=name", "value"]
    assert all(row[0].startswith("'") or row[0] == "ab" for row in read[1:])
    assert {row[1] for row in read[1:]} == {"-5"}
    assert csv_cell("plain = text") == "plain = text"

    class Reader(HTMLParser):
        tags: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append(tag)
            assert [name for name, _ in attrs] == ["title"]

    reader = Reader()
    for text in ("<script>alert(1)</script>", '"><img src=x onerror=1>', "' onload='x", "&lt;b>"):
        reader.feed(f'<p title="{html_text(text)}">{html_text(text)}</p>')
    assert set(reader.tags) == {"p"}
