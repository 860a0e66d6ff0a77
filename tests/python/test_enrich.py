"""Texts of feedback: what is told of them, that it lands once, and that it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.enrichment import enrichers
from llm_analytics.enrichment.enrichers import ENRICHERS, is_complaint
from load_helpers import write_lines

TEXTS = {
    "f1": ("r1", "Perfect, that solved my problem. Thank you so much!"),
    "f2": ("r2", "That is terrible, it never answered my question."),
    "f3": (None, "Das ist leider völlig falsch und hilft mir überhaupt nicht weiter."),
    "f4": ("r3", "You are a fucking idiot."),
    "f5": ("r3", "ok"),
}


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("Not what I asked for.", True),
        ("It doesn't work", True),
        ("Far too slow and still incorrect.", True),
        ("The sources do not exist", True),
        ("I want my money back", True),
        ("No bug at all, great", False),
        ("I cannot complain", False),
        ("You can\N{RIGHT SINGLE QUOTATION MARK}t load it", True),
        ("not disappointed", False),
        ("Perfect, that solved my problem.", False),
        ("", False),
    ],
)
def test_complaints(text: str, complains: bool) -> None:
    assert is_complaint(text) == complains


@pytest.fixture
def loaded(warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with the texts kept and the two marts that name their answers."""
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    load_texts(tmp_path, "keep")
    with duckdb.connect(str(warehouse)) as database:
        database.execute("create schema marts")
        database.execute(
            "create view marts.fct_feedback as select event_id as feedback_id, occurred_at,"
            " response_id as response_event_id, conversation_id, text_length"
            " from raw.events_feedback"
        )
        database.execute(
            "create view marts.fct_responses as select 're-' || response_event_id as response_id,"
            " response_event_id from (values ('r1'), ('r2'), ('r3')) as t(response_event_id)"
        )
    return warehouse


def load_texts(folder: Path, policy: str, suffix: str = "") -> None:
    events = [
        {
            "timestamp": 1735689600000, "event_id": name + suffix, "feedback_type": "comment",
            "user_id": "u1", "feedback_text": text, **({"response_id": about} if about else {}),
        }
        for name, (about, text) in TEXTS.items()
    ]  # fmt: skip
    lines = [json.dumps(event).encode() for event in events]
    assert main(["load", "--text", policy, str(write_lines(folder / "feedback.jsonl", lines))]) == 0


def landed(warehouse: Path) -> list[Any]:
    with duckdb.connect(str(warehouse)) as database:
        return database.execute(
            "select criterion, response_id, label, score::double, evaluator_id, evaluator_kind,"
            " occurred_at, event_id from raw.events_evaluations order by criterion, label, event_id"
        ).fetchall()


def test_what_is_told_of_texts_lands_once(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    # Ids in the warehouse are pseudonyms already: the key must not be used on them again.
    monkeypatch.setenv("LLM_ANALYTICS_ID_KEY", "secret")
    capsys.readouterr()
    assert main(["enrich", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    rows = landed(loaded)
    labels = {(row[0], row[1]): row[2] for row in rows}
    assert labels["feedback_sentiment", "re-r1"] == "positive"
    assert labels["feedback_sentiment", "re-r2"] == "negative"
    assert labels["feedback_complaint", "re-r1"] == "no_complaint"
    assert labels["feedback_complaint", "re-r2"] == "complaint"
    assert labels["feedback_toxicity", "re-r1"] == "not_toxic"
    assert labels["feedback_language", None] == "de"
    toxic = [row for row in rows if row[2] == "toxic"]
    assert [(row[1], row[3] < 0.1) for row in toxic] == [("re-r3", True)]
    assert sorted(row[2] for row in rows if row[0] == "feedback_language") == [
        "de", "en", "en", "en", "und",
    ]  # fmt: skip
    # German is not read by what knows English alone; a text too short to tell is.
    by_criterion = {one["criterion"]: one for one in report["enriched"]}
    assert by_criterion["feedback_sentiment"]["n_new"] == 4
    assert by_criterion["feedback_sentiment"]["n_not_english"] == 1
    assert {row[5] for row in rows} == {"code"}
    assert all(row[4].startswith("enrich:") and "@" in row[4] for row in rows)
    assert {str(row[6]) for row in rows} == {"2025-01-01 00:00:00"}
    # Again: nothing new, and nothing changes.
    assert main(["enrich", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [one["n_new"] for one in again["enriched"]] == [0, 0, 0, 0]
    assert landed(loaded) == rows
    with duckdb.connect(str(loaded)) as database:
        assert database.execute("select count(*) from raw.loads").fetchall() == [(2,)]
    # What is dropped later is said, and does no harm.
    load_texts(tmp_path, "drop", "-later")
    capsys.readouterr()
    assert main(["enrich", "--only", "language"]) == 0
    assert "The text of 5 more was dropped" in capsys.readouterr().out


def test_a_changed_text_is_read_again(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["enrich", "--only", "complaint"]) == 0
    with duckdb.connect(str(loaded)) as database:
        database.execute(
            "update raw.events_feedback set feedback_text = 'It does not work.'"
            " where event_id = 'f1'"
        )
    assert main(["enrich", "--only", "complaint"]) == 0
    assert sorted(row[2] for row in landed(loaded) if row[1] == "re-r1") == [
        "complaint", "no_complaint",
    ]  # fmt: skip


def test_what_cannot_be_told_is_one_line(
    loaded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrich", "--only", "mood"]) == 1
    assert "cannot tell mood; known: language, sentiment" in capsys.readouterr().err
    with duckdb.connect(str(loaded)) as database:
        database.execute("update raw.events_feedback set feedback_text = null")
    assert main(["enrich"]) == 1
    assert capsys.readouterr().err == (
        "llm-analytics: the texts of all 5 comments were dropped when they were loaded:"
        " load them with --text redact or --text keep\n"
    )
    monkeypatch.setattr(enrichers, "import_module", _absent)
    for name in ("language", "sentiment", "toxicity"):
        with pytest.raises(Exception, match=r"llm-analytics\[enrich\]"):
            ENRICHERS[name]()


def _absent(name: str) -> Any:
    raise ImportError(name)
