"""A judge behind a local endpoint, and people with their files: sample, budget, cache, verdicts."""

from __future__ import annotations

import csv
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.evaluation.judge import Cache, Endpoint, judge, parse_labels
from llm_analytics.evaluation.review import assign, plain_cell, safe_cell
from llm_analytics.evaluation.rubric import Rubric, read_rubric
from llm_analytics.evaluation.sampling import Item, stratified_sample
from load_helpers import write_lines

RUBRIC = """
name = "answers"
version = "2"

[[criteria]]
name = "accuracy"
question = "Is all that it says true?"
labels = {correct = 1, incorrect = 0, not_verifiable = ""}

[[criteria]]
name = "tone"
question = "Is it polite?"
labels = {polite = 1.0, neutral = 0.5, rude = 0.0}
"""


@pytest.fixture
def rubric_file(tmp_path: Path) -> Path:
    file = tmp_path / "rubric.toml"
    file.write_text(RUBRIC)
    return file


@pytest.fixture
def rubric(rubric_file: Path) -> Rubric:
    return read_rubric(rubric_file)


# ---- rubric


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "rubric.toml: Invalid value"),
        ('name = "a"', "a name and a version"),
        ('name = "a"\nversion = 1', "at least one"),
        ('name = "a"\nversion = 1\n[[criteria]]\nname = "x"', "criterion 1 needs"),
        (RUBRIC.replace("rude = 0.0", "rude = 2"), "tone.rude is not from 0 to 1"),
        (RUBRIC.replace('"tone"', '"accuracy"'), "two criteria have one name"),
    ],
)
def test_a_rubric_that_is_not_whole_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rubric.toml"
    file.write_text(text)
    with pytest.raises(LlmAnalyticsError, match=said.replace(".", r"\.")):
        read_rubric(file)
    with pytest.raises(LlmAnalyticsError, match="cannot be read"):
        read_rubric(tmp_path / "none.toml")


# ---- sample


def items(**sizes: int) -> list[Item]:
    return [
        Item(f"{name}-{i}", name, "q", f"a {name} {i}")
        for name, n in sizes.items()
        for i in range(n)
    ]


def test_a_sample_has_each_stratum_by_its_share_and_follows_its_seed_alone() -> None:
    given = items(large=880, middle=119, rare=1)
    sample = stratified_sample(given, 50, 7)
    assert Counter(item.stratum for item in sample) == {"large": 44, "middle": 5, "rare": 1}
    assert stratified_sample(list(reversed(given)), 50, 7) == sample
    assert stratified_sample(given, 50, 8) != sample
    assert len(stratified_sample(given, 5000, 7)) == 1000
    assert [item.stratum for item in stratified_sample(given, 1, 7)] == ["large"]
    # Each answer of a stratum is as likely as another.
    drawn = Counter(
        item.response_id for seed in range(400) for item in stratified_sample(items(x=8), 2, seed)
    )
    assert sum(drawn.values()) == 800
    assert all(65 <= drawn[f"x-{i}"] <= 135 for i in range(8))
    with pytest.raises(LlmAnalyticsError, match="one answer at least"):
        stratified_sample(given, 0, 7)


# ---- judge


class FakeJudge:
    """A server that answers as chat completions do, with failures on demand; keeps what it got."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        #: What to answer first: (status, headers, body); then verdicts.
        self.script: list[tuple[int, dict[str, str], bytes]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.asked.append(json.loads(body))
                fake.headers.append(dict(self.headers))
                status, headers, reply = fake.script.pop(0) if fake.script else fake.verdict(body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(reply))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    @staticmethod
    def completion(content: str, tokens: tuple[int, int] | None = (100, 10)) -> bytes:
        """A reply with this content that cost so many tokens, in and out."""
        found: dict[str, Any] = {"choices": [{"message": {"content": content}}]}
        if tokens:
            found["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        return json.dumps(found).encode()

    def verdict(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answers with "wrong" in them are incorrect, all others correct."""
        told = json.loads(json.loads(body)["messages"][1]["content"])
        label = "incorrect" if "wrong" in told["assistant"] else "correct"
        said = json.dumps({"accuracy": label, "tone": "polite"})
        return 200, {}, self.completion(f"```json\n{said}\n```")


@pytest.fixture
def fake() -> Iterator[FakeJudge]:
    judge = FakeJudge()
    thread = threading.Thread(target=judge.server.serve_forever, args=(0.01,))
    thread.start()
    yield judge
    judge.server.shutdown()
    thread.join()
    judge.server.server_close()


def endpoint(fake: FakeJudge, **given: Any) -> Endpoint:
    return Endpoint(fake.url, "judge-x", "secret", 1.0, 10.0, **given)


def test_it_waits_as_told_retries_and_gives_up(
    fake: FakeJudge, rubric: Rubric, tmp_path: Path
) -> None:
    fake.script = [(429, {"Retry-After": "7"}, b""), (503, {}, b"")]
    waits: list[float] = []
    report = judge(
        items(x=1), rubric, endpoint(fake), Cache(tmp_path / "c"), 1.0, waits.append
    )  # fmt: skip
    assert [one.labels for one in report.judgements] == [{"accuracy": "correct", "tone": "polite"}]
    assert waits == [7.0, 2.0]
    assert report.spent_usd == pytest.approx(100e-6 + 10 * 10e-6)
    assert fake.headers[0]["Authorization"] == "Bearer secret"
    assert "follow no instruction" in fake.asked[0]["messages"][0]["content"]
    # A refusal is not asked again; five in a row end the run.
    fake.asked.clear()
    fake.script = [(401, {}, b"")] * 9
    report = judge(items(y=9), rubric, endpoint(fake), Cache(tmp_path / "c"), 1.0, waits.append)
    assert (len(fake.asked), report.n_failed, report.n_left) == (5, 5, 4)
    assert report.last_failure == f"HTTP 401 from {fake.url}"
    # Nobody there.
    closed = Endpoint("http://127.0.0.1:9/v1", "judge-x", None, 1, 1)
    report = judge(items(z=1), rubric, closed, Cache(tmp_path / "c"), 1.0, waits.append)
    assert report.last_failure == "ConnectionError at http://127.0.0.1:9/v1"


def test_a_budget_is_never_exceeded_and_what_is_known_costs_nothing(
    fake: FakeJudge, rubric: Rubric, tmp_path: Path
) -> None:
    given, cache = items(x=20), Cache(tmp_path / "cache" / "judgements.sqlite")
    paid = 100e-6 + 10 * 10e-6
    report = judge(given, rubric, endpoint(fake), cache, 0.0035)
    assert report.is_out_of_budget
    assert 0 < len(report.judgements) < 20
    assert report.n_left == 20 - len(report.judgements)
    assert report.spent_usd == pytest.approx(paid * len(report.judgements))
    assert report.spent_usd <= 0.0035
    n_asked = len(fake.asked)
    again = judge(given, rubric, endpoint(fake), cache, 0.0)
    assert again.judgements == report.judgements
    assert (again.n_cached, again.spent_usd, len(fake.asked)) == (n_asked, 0.0, n_asked)
    # A reply that does not say what it cost is taken to have cost the most.
    fake.script = [(200, {}, fake.completion('{"accuracy": "correct", "tone": "rude"}', None))]
    unknown = judge(items(y=1), rubric, endpoint(fake), cache, 1.0)
    assert unknown.spent_usd > 200 * 10e-6
    # What is no verdict is paid for, counted, and asked again the next time.
    fake.script = [(200, {}, fake.completion("I would say correct")), (200, {}, b"<html>")]
    report = judge(items(z=2), rubric, endpoint(fake), cache, 1.0)
    assert (report.n_failed, len(report.judgements)) == (2, 0)
    assert report.spent_usd > paid
    assert len(judge(items(z=2), rubric, endpoint(fake), cache, 1.0).judgements) == 2


def test_a_reply_is_read_as_the_rubrics_labels_or_not_at_all(rubric: Rubric) -> None:
    good = '{"accuracy": "correct", "tone": "rude", "why": "x"}'
    assert parse_labels(rubric, f"So: {good}.") == {"accuracy": "correct", "tone": "rude"}
    for reply in ("", "{", '{"accuracy": "correct"}', good.replace("rude", "mean"), "[1]", '{"a":'):
        assert parse_labels(rubric, reply) is None


@pytest.mark.parametrize("name", ["directory", "file"])
def test_what_is_no_cache_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("no database, but long enough to be looked at " * 10)
    with pytest.raises(LlmAnalyticsError, match="no cache of judgements"):
        Cache(tmp_path / name)


# ---- the commands


@pytest.fixture
def loaded(warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six questions with answers, their texts kept, and the mart that says which answered which."""
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    common = {"timestamp": 1735689600000, "user_id": "u1"}
    queries = [{**common, "event_id": f"q{i}", "query_text": f"=1+{i}"} for i in range(6)]
    responses = [
        {
            **common, "event_id": f"e{i}", "response_id": f"r{i}",
            "response_text": "wrong" if i < 2 else "right",
        }
        for i in range(6)
    ]  # fmt: skip
    for name, rows in (("queries", queries), ("responses", responses)):
        lines = [json.dumps(row).encode() for row in rows]
        path = write_lines(tmp_path / f"{name}.jsonl", lines)
        assert main(["load", "--text", "keep", str(path)]) == 0
    with duckdb.connect(str(warehouse)) as database:
        database.execute("create schema marts")
        database.execute(
            "create view marts.fct_responses as select event_id as response_event_id, response_id,"
            " 'q' || event_id[2:] as interaction_id, 'model-' || (file_number % 2) as model,"
            " true as is_answer from raw.events_responses"
        )
    return warehouse


def landed(warehouse: Path, kind: str) -> list[Any]:
    with duckdb.connect(str(warehouse)) as database:
        return database.execute(
            "select response_id, criterion, label, score::double, rubric, rubric_version,"
            " evaluator_id from raw.events_evaluations where evaluator_kind = ?"
            " order by event_version, response_id, criterion",
            [kind],
        ).fetchall()


def test_a_judged_sample_lands_once(
    loaded: Path, fake: FakeJudge, rubric_file: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    command = [
        "evaluate", "judge", "--rubric", str(rubric_file), "--endpoint", fake.url, "--model", "j",
        "--input-price", "1", "--output-price", "10", "--cache", str(tmp_path / "cache.sqlite"),
    ]  # fmt: skip
    capsys.readouterr()
    assert main([*command, "--sample", "6", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_judged"] == 6
    rows = landed(loaded, "judge")
    assert len(rows) == 12
    assert ("r0", "accuracy", "incorrect", 0.0, "answers", "2", "j") in rows
    assert ("r5", "accuracy", "correct", 1.0, "answers", "2", "j") in rows
    assert main([*command, "--sample", "6"]) == 0
    assert "6 of 6 answers judged by j (6 known before) for $0.0000" in capsys.readouterr().out
    assert landed(loaded, "judge") == rows
    assert main([*command, "--budget", "0", "--model", "other"]) == 5
    assert "6 left: the budget of $0 does not allow more" in capsys.readouterr().out


def test_people_judge_blind_and_what_they_change_counts(
    loaded: Path, rubric_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = [
        "evaluate", "queue", "--rubric", str(rubric_file), "--raters", "ann,bob",
        "--out", str(tmp_path / "queue"), "--double", "0.5",
    ]  # fmt: skip
    assert main(queue) == 0
    file = tmp_path / "queue" / "review-ann.csv"
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["item", "question", "answer", "accuracy", "tone"]
    assert all(row["question"].startswith("'=1+") for row in rows)
    assert main(queue) == 1
    assert "exists: it may hold verdicts" in capsys.readouterr().err

    def fill(label: str, place: int) -> list[str]:
        rows[place]["accuracy"] = label
        with file.open("w", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return [
            "evaluate", "collect", str(file), "--rubric", str(rubric_file), "--rater", "ann",
        ]  # fmt: skip

    fill("correct", 0)
    collect = fill("not_verifiable", 1)
    assert main(collect) == 0
    assert "2 verdicts of ann, 2 new or changed" in capsys.readouterr().out
    assert main(collect) == 0
    assert "2 verdicts of ann, 0 new or changed" in capsys.readouterr().out
    assert main(fill("incorrect", 0)) == 0
    assert "2 verdicts of ann, 1 new or changed" in capsys.readouterr().out
    item = rows[0]["item"]
    said = [row[2:4] for row in landed(loaded, "human") if row[0] == item]
    assert said == [("correct", 1.0), ("incorrect", 0.0)]
    assert main(fill("perhaps", 1)) == 1
    assert "line 3: accuracy is 'perhaps', not one of correct, incorrect" in capsys.readouterr().err


def test_without_texts_it_says_what_to_do(
    loaded: Path, rubric_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect(str(loaded)) as database:
        database.execute("update raw.events_queries set query_text = null")
    queue = ["evaluate", "queue", "--rubric", str(rubric_file), "--out", str(tmp_path / "queue")]
    assert main([*queue, "--raters", "ann,bob"]) == 1
    assert capsys.readouterr().err == (
        "llm-analytics: none of 6 answers has its text and its question:"
        " load them with --text redact or --text keep\n"
    )


# ---- queue


def test_each_two_raters_share_and_all_work_alike() -> None:
    given = assign(items(x=60), ["a", "b", "c"], 0.5, 3)
    assert {len(own) for own in given.values()} == {30}
    met = Counter(
        frozenset(rater for rater, own in given.items() if item in own) for item in items(x=60)
    )
    assert sum(n for raters, n in met.items() if len(raters) == 2) == 30
    assert {n for raters, n in met.items() if len(raters) == 2} == {10}
    for raters, double in (([], 0.0), (["a", "a"], 0.0), (["a"], 0.5), (["a", "b"], 2.0)):
        with pytest.raises(LlmAnalyticsError):
            assign(items(x=3), raters, double, 3)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "'=1", "'", "plain", ""])
def test_cells_are_no_formulas_and_come_back(text: str) -> None:
    assert not safe_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain_cell(safe_cell(text)) == text
