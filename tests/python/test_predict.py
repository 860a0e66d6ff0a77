"""Forecasts: nothing from the future, scores by hand, and worse than naive is said so."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.prediction import backtest as backtesting
from llm_analytics.prediction.backtest import TARGETS, backtest, calibration_table, score
from llm_analytics.prediction.features import Example, churn_examples, satisfaction_examples
from llm_analytics.warehouse import Warehouse

START = date(2025, 1, 1)
N_DAYS, N_USERS = 150, 160
CUTOFF = START + timedelta(days=80)


def make_marts(file: Path, seed: int = 1) -> None:
    """A product of two kinds of users: half stay and come often, half leave soon.

    Thumbs follow the model until day 100, and the other way round after it.
    """
    rng = np.random.default_rng(seed)
    days: list[tuple[Any, ...]] = []
    interactions: list[tuple[Any, ...]] = []
    feedback: list[tuple[Any, ...]] = []
    for user in range(N_USERS):
        is_loyal = user % 2 == 0
        begin = int(rng.integers(0, 110))
        life = begin + int(rng.geometric(0.003 if is_loyal else 0.04))
        for day in range(begin, min(life, N_DAYS - 1) + 1):
            if day > begin and rng.random() > (0.5 if is_loyal else 0.25):
                continue
            n, when = int(rng.integers(1, 4)), START + timedelta(days=day)
            days.append((f"u{user}", when, n))
            for number in range(n):
                name, model = f"i{user}-{day}-{number}", "ab"[int(rng.integers(2))]
                late = timedelta(days=3 * int(rng.random() < 0.05))
                interactions.append(
                    (name, f"u{user}", when, f"{when + late} 12:00:00", model,
                     int(rng.integers(500, 9000)))
                )  # fmt: skip
                if rng.random() < 0.4:
                    pleases = rng.random() < (0.85 if (model == "a") == (day < 100) else 0.25)
                    voted = when + late + timedelta(days=int(rng.random() < 0.1) * 3)
                    kind = "thumbs_up" if pleases else "thumbs_down"
                    feedback.append((f"f-{name}", name, f"u{user}", voted, kind))
    with duckdb.connect(str(file)) as database:
        database.execute("create schema marts")
        database.execute(
            "create table marts.dim_dates as select (date '2025-01-01' + i::int) as date_day,"
            f" i < {N_DAYS - 1} as is_complete from range({N_DAYS}) as t(i)"
        )
        for name, rows, columns in (
            ("user_days", days, "user_id: text, activity_date: date, n_queries: bigint"),
            (
                "fct_interactions", interactions,
                "interaction_id: text, user_id: text, interaction_date: date,"
                " answered_at: timestamp, model: text, latency_ms: bigint",
            ),
            (
                "fct_feedback", feedback,
                "feedback_id: text, interaction_id: text, user_id: text, feedback_date: date,"
                " feedback_type: text",
            ),
        ):  # fmt: skip
            path = file.with_name(f"{name}.csv")
            path.write_text("\n".join(",".join(map(str, row)) for row in rows))
            typed = ", ".join(
                "'{}': '{}'".format(*one.strip().split(": ")) for one in columns.split(",")
            )
            more = {
                "user_days": "",
                "fct_interactions": ", 'chat' as feature, 'web' as platform, 'new' as kind,"
                " 1 as turn_number, false as is_refinement, 10 as response_length,"
                " 5 as query_length, 1 as n_attempts",
                "fct_feedback": ", feedback_date::timestamp as occurred_at",
            }[name]
            database.execute(
                f"create table marts.{name} as select *{more}"
                f" from read_csv('{path}', header = false, columns = {{{typed}}})"
            )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("marts") / "warehouse.duckdb"
    make_marts(file)
    return file


@pytest.fixture
def marts(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of its own for each test."""
    file = tmp_path / "warehouse.duckdb"
    file.write_bytes(made.read_bytes())
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    return file


def shuffle_the_future(file: Path, day: date) -> None:
    """Gives what is dated after a day to other users, with other values, and drops a part."""
    with duckdb.connect(str(file)) as database:
        for table, dated in (
            ("user_days", "activity_date"),
            ("fct_interactions", "interaction_date"),
            ("fct_feedback", "feedback_date"),
        ):
            later = f"marts.{table} where {dated} > date '{day}'"
            database.execute(f"delete from {later} and hash(rowid) % 3 = 0")
            database.execute(
                f"update marts.{table} set user_id = 'u' || (hash(rowid) % {N_USERS})"
                f" where {dated} > date '{day}'"
            )
        database.execute(f"update marts.user_days set n_queries = 99 where activity_date > '{day}'")
        # What was asked before and answered later: in another time, or never.
        database.execute(
            "update marts.fct_interactions set latency_ms = 1, answered_at = null"
            f" where interaction_date <= '{day}' and answered_at::date > '{day}'"
        )
        database.execute(
            "update marts.fct_feedback set feedback_type = 'retracted'"
            f" where feedback_date > '{day}' and hash(rowid) % 2 = 0"
        )


def test_a_shuffled_future_changes_outcomes_and_no_feature(marts: Path) -> None:
    place = Warehouse(str(marts))

    def look() -> tuple[list[Example], list[Example]]:
        return (
            churn_examples(place, CUTOFF, with_outcome=True),
            satisfaction_examples(place, START, CUTOFF, known_on=CUTOFF),
        )

    def known(examples: list[Example]) -> list[Any]:
        return [(one.unit, one.user_id, one.features) for one in examples]

    churn, thumbs = look()
    learnt = TARGETS["churn"].known_by(place, CUTOFF), TARGETS["satisfaction"].known_by(
        place, CUTOFF
    )  # fmt: skip
    shuffle_the_future(marts, CUTOFF)
    shuffled_churn, shuffled_thumbs = look()
    assert known(shuffled_churn) == known(churn)
    assert [one.outcome for one in shuffled_churn] != [one.outcome for one in churn]
    # Thumbs that were known by then are learnt from, outcome and all; so is churn that was over.
    assert shuffled_thumbs == thumbs
    assert len(thumbs) > 100
    assert learnt == (
        TARGETS["churn"].known_by(place, CUTOFF), TARGETS["satisfaction"].known_by(place, CUTOFF),
    )  # fmt: skip
    assert len(churn) > 50


def test_features_by_hand(marts: Path) -> None:
    with duckdb.connect(str(marts)) as database:
        for table in ("user_days", "fct_interactions", "fct_feedback"):
            database.execute(f"delete from marts.{table}")
        database.execute(
            "insert into marts.user_days values ('u', '2025-02-01', 3), ('u', '2025-03-20', 2),"
            " ('gone', '2025-02-20', 9), ('new', '2025-03-23', 1)"
        )
    day = date(2025, 3, 22)
    (one,) = churn_examples(Warehouse(str(marts)), day, with_outcome=True)
    assert (one.user_id, one.outcome) == ("u", True)
    expected = {
        "days_since_last": 2, "tenure_days": 49, "n_days_28": 1, "n_queries_28": 2,
    }  # fmt: skip
    assert {name: one.features[name] for name in expected} == pytest.approx(
        {name: np.log1p(value) for name, value in expected.items()}
    )
    assert one.features["days_of_tenure"] == 2 / 50
    assert one.features["is_new"] == 0.0


def test_scores_by_hand() -> None:
    examples = [Example(str(i), f"u{i % 2}", {}, i < 2) for i in range(4)]
    predicted, naive = np.array([0.9, 0.6, 0.7, 0.0]), np.full(4, 0.5)
    found = score(examples, predicted, naive, 10, None)
    assert found.brier == pytest.approx((0.01 + 0.16 + 0.49 + 0) / 4)
    assert (found.naive, found.rate, found.auc) == (0.25, 0.5, 0.75)
    assert found.skill == pytest.approx(1 - 0.165 / 0.25)
    # Gains 0.24, 0.09, -0.24, 0.25 around 0.085; of user 0 they sum to -0.17, of user 1 to 0.17.
    half = 1.96 * (2 * 0.17**2) ** 0.5 / 4
    assert (found.gain_low, found.gain_high) == pytest.approx((0.085 - half, 0.085 + half))
    assert found.verdict == "not shown"
    assert score(examples, naive, naive, 10, None).verdict == "worse"
    table = calibration_table(np.linspace(0.1, 0.9, 20), np.arange(20.0) % 2)
    assert [(part.n, part.observed) for part in table] == [(2, 0.5)] * 10
    assert table[0].predicted == pytest.approx(0.1 + 0.4 / 19)


def test_churn_is_told_better_than_by_its_rate(
    marts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "chances.csv"
    assert main(["predict", "churn", "--cutoffs", "2", "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    last = START + timedelta(days=N_DAYS - 2)
    assert [one["cutoff"] for one in found["cutoffs"]] == [
        (last - timedelta(days=28 * i)).isoformat() for i in (1, 2)
    ]
    total = found["total"]
    assert total["verdict"] == "better"
    assert total["auc"] > 0.75
    # Chances mean what they say: all together, and for the half that is likely to leave.
    n = sum(part["n"] for part in found["calibration"])
    for parts in (found["calibration"], found["calibration"][5:]):
        m = sum(part["n"] for part in parts)
        predicted, observed = (
            sum(part["n"] * part[name] for part in parts) / m for name in ("predicted", "observed")
        )
        assert abs(predicted - observed) < 4 * (0.25 / m) ** 0.5
    assert n == total["n"] == sum(one["n"] for one in found["cutoffs"])
    with out.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["as_of_date"] for row in rows} == {last.isoformat()}
    chances = {row["user_id"]: float(row["churn_probability"]) for row in rows}
    loyal = [chance for user, chance in chances.items() if int(user[1:]) % 2 == 0]
    others = [chance for user, chance in chances.items() if int(user[1:]) % 2]
    assert np.mean(loyal) < np.mean(others)


def test_worse_than_naive_is_said_so(marts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # What pleased before day 100 displeases after it: who learnt the first is wrong of the second.
    with duckdb.connect(str(marts)) as database:
        database.execute("update marts.dim_dates set is_complete = date_day < '2025-05-09'")
    assert main(["predict", "satisfaction", "--cutoffs", "1"]) == 6
    shown = capsys.readouterr()
    assert " worse " in shown.out
    assert "satisfaction is predicted worse than by its rate alone" in shown.err
    # Before that it was right.
    found = backtest(Warehouse(str(marts)), TARGETS["satisfaction"], date(2025, 4, 8), 1)
    assert found.total.verdict == "better"


def test_what_cannot_be_predicted_is_one_line(
    marts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(["predict", "satisfaction", "--out", str(tmp_path / "x.csv")]) == 1
    assert "--out is for churn" in capsys.readouterr().err
    with duckdb.connect(str(marts)) as database:
        database.execute("delete from marts.user_days where length(user_id) > 2")
    assert main(["predict", "churn"]) == 1
    assert "too little to learn from" in capsys.readouterr().err
    with duckdb.connect(str(marts)) as database:
        database.execute("update marts.dim_dates set is_complete = false")
    assert main(["predict", "churn"]) == 1
    assert capsys.readouterr().err == "llm-analytics: no day is complete yet\n"
    monkeypatch.setattr(backtesting, "import_module", _absent)
    with pytest.raises(LlmAnalyticsError, match=r"llm-analytics\[predict\]"):
        score([Example("1", "u", {}, True), Example("2", "u", {}, False)], *_two(), 1, None)


def _two() -> tuple[Any, Any]:
    return np.zeros(2), np.zeros(2)


def _absent(name: str) -> Any:
    raise ImportError(name)
