"""compare-models: quality, saving and worst slice by hand; one piece of advice for each case."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from llm_analytics.cli import main
from llm_analytics.experiments.compare import lines, read_inputs
from llm_analytics.experiments.model_comparison import (
    Advice,
    Basis,
    Inputs,
    Knowledge,
    Quality,
    advise,
    compare_models,
)
from llm_analytics.warehouse import Warehouse

Units = Sequence[tuple[int, int]]


def stat(
    model: str,
    measure: str,
    kind: str | None,
    units: Units,
    confusion: tuple[int, int, int, int] = (0, 0, 0, 0),
    **given: Any,
) -> dict[str, Any]:
    """A row of model_comparison_stats, from (num, den) of its units."""
    nums, dens = [num for num, _ in units], [den for _, den in units]
    names = ("n_true_positives", "n_false_negatives", "n_true_negatives", "n_false_positives")
    return {
        "experiment_id": None, "variant": None, "provider": "p", "model": model,
        "measure": measure, "evaluator_kind": kind, "slice_name": "__all__", "slice": "__all__",
        "n_days": 28, "n_units": len(units), "n_answers": sum(dens),
        "n_answers_of_model": sum(dens), **dict(zip(names, confusion, strict=True)),
        "sum_num": sum(nums), "sum_den": sum(dens),
        "sum_num_num": sum(num * num for num in nums),
        "sum_num_den": sum(num * den for num, den in units),
        "sum_den_den": sum(den * den for den in dens),
        "is_randomised": False, "last_date": date(2025, 3, 28), **given,
    }  # fmt: skip


def answers(good: int, n: int) -> Units:
    """One answer of each of n users, so many of them good."""
    return [(1, 1)] * good + [(0, 1)] * (n - good)


def inputs(current: Any, other: Any, **given: Any) -> Inputs:
    return Inputs(**{
        "current": current, "other": other, "experiment_id": None, "is_broken": False,
        "repriced": None, "volume": None, **given,
    })  # fmt: skip


#: The judge of `a` finds 9 of 10 good answers and 8 of 10 bad ones; that of `b` 8 and 9 of 10.
JUDGED_A = stat("a", "accuracy", "judge", answers(80, 100), (45, 5, 40, 10))
JUDGED_B = stat("b", "accuracy", "judge", answers(75, 100), (40, 10, 45, 5))
COST_A = stat("a", "cost", None, [(10_000_000, 1), (20_000_000, 2)] * 50)
COST_B = stat("b", "cost", None, [(4_000_000, 1), (8_000_000, 2)] * 50)


def test_a_judge_that_favours_one_model_is_corrected_by_how_it_errs_on_each() -> None:
    found = compare_models(inputs([JUDGED_A], [JUDGED_B]), "a", "b")
    assert found.quality is not None
    # Rogan and Gladen: (0.80 + 0.8 - 1) / 0.7 and (0.75 + 0.9 - 1) / 0.7; the judge says -5 points.
    assert found.basis is Basis.CORRECTED
    assert found.quality.control.value == pytest.approx(0.6 / 0.7)
    assert found.quality.treatment.value == pytest.approx(0.65 / 0.7)
    # Each error by hand: that of the rate, of finding good answers, and of finding bad ones.
    a, b = 0.6 / 0.7, 0.65 / 0.7
    by_hand = (
        0.8 * 0.2 / 99 + a**2 * 0.9 * 0.1 / 50 + (1 - a) ** 2 * 0.8 * 0.2 / 50
        + 0.75 * 0.25 / 99 + b**2 * 0.8 * 0.2 / 50 + (1 - b) ** 2 * 0.9 * 0.1 / 50
    ) / 0.49  # fmt: skip
    assert found.quality.error == pytest.approx(math.sqrt(by_hand))
    assert found.non_inferiority is not None
    assert found.non_inferiority.statistic == pytest.approx((b - a + 0.03) / math.sqrt(by_hand))


def test_without_humans_beside_the_judge_nothing_is_claimed() -> None:
    rows = [stat(m, "accuracy", "judge", answers(900, 1000)) for m in "ab"]
    found = compare_models(inputs([rows[0], COST_A], [rows[1], COST_B]), "a", "b", margin=0.1)
    assert found.non_inferiority is not None
    assert found.non_inferiority.is_shown
    assert (found.basis, found.advice) == (Basis.UNCHECKED, Advice.MEASURE)
    assert any("no human checked the judge" in text for text in found.warnings)
    humans = [stat(m, "accuracy", "human", answers(900, 1000)) for m in "ab"]
    found = compare_models(
        inputs([rows[0], humans[0], COST_A], [rows[1], humans[1], COST_B]), "a", "b", margin=0.1
    )
    assert (found.basis, found.advice) == (Basis.HUMANS, Advice.TRY)


def test_answers_of_one_user_count_as_one_unit() -> None:
    alone = stat("a", "accuracy", "human", answers(80, 100))
    crowded = stat("b", "accuracy", "human", [(10, 10)] * 8 + [(0, 10)] * 2)
    found = compare_models(inputs([alone], [crowded]), "a", "b").quality
    assert found is not None
    assert (found.control.value, found.treatment.value) == (0.8, 0.8)
    # s²/n of 0 and 1 is 0.16/(n - 1): of 100 users and of 10, not of 100 answers.
    assert found.control.variance == pytest.approx(0.16 / 99)
    assert found.treatment.variance == pytest.approx(0.16 / 9)


def test_savings_are_those_of_a_month_of_the_volume_in_use() -> None:
    found = compare_models(
        inputs([COST_A], [COST_B], volume=(280, 28), repriced=(2.80, 28)), "a", "b"
    )
    # 10 answers a day for 30.436875 days, each 0.006 dollars cheaper; repriced, 0.10 a day.
    assert found.saving_observed is not None
    assert found.saving_observed == pytest.approx(304.36875 * 0.006)
    assert found.saving_by_repricing == pytest.approx(3.0436875)
    assert found.saving_observed_low is not None
    assert found.saving_observed_high is not None
    assert found.saving_observed_low <= found.saving_observed <= found.saving_observed_high
    assert found.knowledge.is_cheaper is True


@pytest.mark.parametrize(
    ("repriced", "cost_b", "expected"),
    [
        ((1.0, 28), COST_B, True),
        ((-1.0, 28), COST_B, False),
        ((0.0, 28), None, False),
        (None, COST_B, True),
        (None, None, None),
        # Not seen to differ: the prices decide, and without them nothing does.
        ((1.0, 28), [(1, 1), (20_000_000, 1)], True),
        (None, [(1, 1), (20_000_000, 1)], None),
        # Cheaper tokens, but so many more of them that each answer costs more.
        ((1.0, 28), [(90_000_000, 1), (91_000_000, 1)], False),
    ],
)
def test_cheaper_is_what_neither_prices_nor_observation_deny(
    repriced: tuple[float, int] | None, cost_b: Any, expected: bool | None
) -> None:
    row = stat("b", "cost", None, cost_b) if isinstance(cost_b, list) else cost_b
    found = compare_models(
        inputs([COST_A], [] if row is None else [row], repriced=repriced), "a", "b"
    )
    assert found.knowledge.is_cheaper is expected
    is_denied = expected is False and row is not None
    assert any("disagree" in text for text in found.warnings) is is_denied


def test_the_worst_slice_is_found_and_its_interval_holds_for_all_of_them() -> None:
    def arm(model: str, chat: int, code: int) -> list[dict[str, Any]]:
        return [
            stat(model, "accuracy", "human", answers(chat + code, 2000)),
            *(
                stat(model, "accuracy", "human", answers(good, n), slice_name="feature", slice=name)
                for name, good, n in (("chat", chat, 1000), ("code", code, 1000), ("few", 0, 29))
            ),
            # One part alone is the whole again.
            stat(
                model, "accuracy", "human", answers(0, 2000), slice_name="platform", slice="web"
            ),
        ]  # fmt: skip

    given = {"repriced": (1.0, 28), "experiment_id": "x"}
    found = compare_models(inputs(arm("a", 800, 900), arm("b", 950, 760), **given), "a", "b")
    worst = found.worst_slice
    assert worst is not None
    assert (worst.name, worst.value, worst.n_slices) == ("feature", "code", 2)
    assert worst.comparison.difference == pytest.approx(-0.14)
    whole = found.quality
    assert whole is not None
    assert worst.comparison.critical > whole.critical + 0.2
    assert found.advice is Advice.SWITCH_MOSTLY
    even = compare_models(inputs(arm("a", 800, 900), arm("b", 880, 890), **given), "a", "b")
    assert even.advice is Advice.SWITCH


#: Of sound arms: what to do without assignment, with it, and with it where a slice is harmed.
KEEP, MEASURE = Advice.KEEP, Advice.MEASURE
TABLE: dict[tuple[Quality, bool | None], tuple[Advice, Advice, Advice]] = {
    (Quality.NO_WORSE, True): (Advice.TRY, Advice.SWITCH, Advice.SWITCH_MOSTLY),
    (Quality.NO_WORSE, False): (KEEP, KEEP, KEEP),
    (Quality.NO_WORSE, None): (MEASURE, MEASURE, MEASURE),
    (Quality.WORSE, True): (KEEP, KEEP, KEEP),
    (Quality.WORSE, False): (KEEP, KEEP, KEEP),
    (Quality.WORSE, None): (KEEP, KEEP, KEEP),
    (Quality.UNCLEAR, True): (MEASURE, MEASURE, MEASURE),
    (Quality.UNCLEAR, False): (KEEP, KEEP, KEEP),
    (Quality.UNCLEAR, None): (MEASURE, MEASURE, MEASURE),
    (Quality.UNKNOWN, True): (MEASURE, MEASURE, MEASURE),
    (Quality.UNKNOWN, False): (KEEP, KEEP, KEEP),
    (Quality.UNKNOWN, None): (MEASURE, MEASURE, MEASURE),
}


def test_each_combination_has_one_piece_of_advice() -> None:
    cases = itertools.product(
        (False, True), (False, True), Quality, (True, False, None), (False, True)
    )
    for is_broken, is_randomised, quality, is_cheaper, is_harmed in cases:
        advice, reason = advise(Knowledge(is_broken, is_randomised, quality, is_cheaper, is_harmed))
        place = 0 if not is_randomised else 2 if is_harmed else 1
        expected = Advice.BROKEN if is_broken else TABLE[quality, is_cheaper][place]
        assert advice is expected, (is_broken, is_randomised, quality, is_cheaper, is_harmed)
        assert reason


def test_what_a_broken_experiment_says_is_not_shown() -> None:
    found = compare_models(
        inputs([JUDGED_A, COST_A], [JUDGED_B, COST_B], experiment_id="x", is_broken=True), "a", "b"
    )
    assert (found.advice, found.quality, found.cost) == (Advice.BROKEN, None, None)
    assert len(lines(found)) == 3


def test_the_corrected_interval_covers_the_truth_and_the_judges_own_does_not() -> None:
    """Planted: both models are right in 70 % of answers, and the judge favours the current one."""
    rng = np.random.default_rng(8)
    covered = {"corrected": 0, "judge alone": 0}
    n_runs, n_units, n_labels = 400, 300, 200
    errors = {"a": (0.95, 0.70), "b": (0.85, 0.90)}
    for _ in range(n_runs):
        rows = {}
        for model, (sensitivity, specificity) in errors.items():
            skill = rng.beta(7, 3, n_units)
            n_answers = rng.integers(1, 6, n_units)
            good = rng.binomial(n_answers, skill)
            says = rng.binomial(good, sensitivity)
            says = says + rng.binomial(n_answers - good, 1 - specificity)
            n_good = int(rng.binomial(n_labels, 0.7))
            tp, tn = rng.binomial(n_good, sensitivity), rng.binomial(n_labels - n_good, specificity)
            confusion = (int(tp), n_good - int(tp), int(tn), n_labels - n_good - int(tn))
            units = list(zip(says.tolist(), n_answers.tolist(), strict=True))
            rows[model] = units, confusion
        for name in covered:
            a, b = (
                stat(m, "accuracy", "judge", units, confusion if name == "corrected" else (0,) * 4)
                for m, (units, confusion) in rows.items()
            )
            found = compare_models(inputs([a], [b]), "a", "b").quality
            assert found is not None
            covered[name] += found.difference_low <= 0 <= found.difference_high
    # 95 % within three standard errors of 400 runs; the control of the proof misses by far.
    assert covered["corrected"] / n_runs == pytest.approx(0.95, abs=3 * math.sqrt(0.0475 / 400))
    assert covered["judge alone"] / n_runs < 0.5


def judged(model: str, good: dict[str, int], confusion: tuple[int, int, int, int]) -> Any:
    """Verdicts of a judge on 1,000 answers of each feature, and what the answers cost."""
    price = {"gpt-4o": 6_300_000, "gpt-4o-mini": 2_100_000}[model]
    units = {name: answers(n, 1000) for name, n in good.items()}
    return [
        stat(model, "cost", None, [(price + 9_000 * (i % 7), 1) for i in range(2000)]),
        stat(model, "accuracy", "judge", [one for part in units.values() for one in part],
             confusion),
        *(stat(model, "accuracy", "judge", part, slice_name="feature", slice=name)
          for name, part in units.items()),
    ]  # fmt: skip


def test_the_guide_shows_what_the_command_prints(root: Path) -> None:
    current = judged("gpt-4o", {"chat": 830, "code": 810}, (1620, 180, 255, 45))
    other = judged("gpt-4o-mini", {"chat": 850, "code": 775}, (1600, 200, 270, 30))
    found = compare_models(
        inputs(current, other, experiment_id="cheaper_model", volume=(56_000, 28),
               repriced=(231.50, 28)),
        "gpt-4o", "gpt-4o-mini", margin=0.05,
    )  # fmt: skip
    shown = "\n".join(lines(found))
    assert f"```text\n{shown}\n```\n" in (root / "docs/experiments.md").read_text(), shown


def table(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
    kinds = {int: "bigint", str: "varchar", bool: "boolean", date: "date", float: "double"}
    columns = {
        column: next((kinds[type(row[column])] for row in rows if row[column] is not None), "text")
        for column in rows[0]
    }
    typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    connection.execute(f"create table marts.{name} ({typed})")
    for row in rows:
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into marts.{name} values ({marks})", list(row.values()))


@pytest.fixture
def built(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Marts in which x gave an arm to each of a and b, half of y's answers are not b's."""
    arms = {"experiment_id": "x", "is_randomised": True, "n_days": None}
    mixed = {**arms, "experiment_id": "y"}
    stats = [
        JUDGED_A, JUDGED_B, COST_A, COST_B,
        *({**row, **arms, "variant": v} for row, v in ((COST_A, "one"), (COST_B, "two"))),
        *({**row, **arms, "variant": v} for row, v in ((JUDGED_A, "one"), (JUDGED_B, "two"))),
        {**COST_A, **mixed, "variant": "one"},
        {**COST_B, **mixed, "variant": "two", "n_answers_of_model": 100},
    ]  # fmt: skip
    price = {"provider": "p", "model": "a", "other_provider": "p", "other_model": "b-priced"}
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        table(connection, "model_comparison_stats", stats)
        table(connection, "dim_models", [
            {"provider": "p", "model": "a", "priced_model": "a-priced"},
            {"provider": "p", "model": "b", "priced_model": "b-priced"},
            {"provider": "p", "model": "twice", "priced_model": None},
            {"provider": "q", "model": "twice", "priced_model": None},
        ])  # fmt: skip
        table(connection, "cost_under_other_models_daily", [
            {**price, "date_day": date(2025, 3, 1), "saving_usd": 1.0},
            {**price, "date_day": date(2025, 2, 28), "saving_usd": 50.0},
            {**price, "date_day": date(2025, 3, 28), "saving_usd": 0.5},
            {**price, "date_day": date(2025, 3, 2), "saving_usd": 9.0, "other_model": "c"},
        ])  # fmt: skip
        table(connection, "experiment_assignment_counts", [
            {"experiment_id": "x", "variant": v, "allocation_phase": "all", "n_units": 100,
             "segment_name": "__all__", "segment": "__all__", "planned_weight": 1.0}
            for v in ("one", "two")
        ])  # fmt: skip
        table(connection, "dim_experiments", [{"experiment_id": "x", "is_over": True}])
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    return warehouse


def test_an_experiment_between_the_two_is_read_if_there_is_one(built: Path) -> None:
    found = read_inputs("a", "p/b", warehouse=Warehouse(str(built)))
    assert (found.experiment_id, found.is_broken, found.warnings) == ("x", False, [])
    assert {row["variant"] for row in found.current} == {"one"}
    assert found.volume == (150, 28)
    # Of the 28 dates that end with the last one, and of that other model alone.
    assert found.repriced == (1.5, 28)


def test_the_command_says_what_was_not_randomised(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare-models", "a", "b"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "RANDOMISED: experiment x"
    assert main(["compare-models", "a", "b", "--observational"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "b for a: MEASURE FIRST"
    assert shown[2].startswith("OBSERVATIONAL: nobody was assigned at random")
    assert any("$0.98 ($0.98 to $0.98)" in line for line in shown)
    assert main(["compare-models", "a", "b", "--observational", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["is_randomised"], found["advice"]) == (False, "measure first")
    assert found["quality"]["difference"] == pytest.approx(0.05 / 0.7)
    assert found["saving_per_month_repriced"] == pytest.approx(1.5 / 28 * 30.436875)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "nope"], "no model nope was used; known: a, b, twice"),
        (["a", "twice"], "p/twice, q/twice"),
        (["a", "a"], "with itself"),
        (["a", "b", "--experiment", "y"], "y gave no arm to each of the two; such are: x"),
        (["a", "b", "--margin", "2"], "between 0 and 1"),
        (["a", "b", "--experiment", "x", "--observational"], "give one of the two"),
    ],
)
def test_wrong_usage_is_one_line(
    built: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["compare-models", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
