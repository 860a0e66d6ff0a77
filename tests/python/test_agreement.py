"""Agreement against other implementations and published cases, and judges against what is true."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import krippendorff
import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.quality.agreement import report_agreement
from llm_analytics.simulation import Parameters, simulate
from llm_analytics.statistics.agreement import (
    Agreement,
    Level,
    Pair,
    Weights,
    cohen_kappa,
    krippendorff_alpha,
)

Units = Sequence[Sequence[int]]


def pairs_of(units: Units) -> dict[Pair, int]:
    """Counts of the pairs of verdicts that raters gave to each thing."""
    return Counter(
        Pair(one, other, len(unit))
        for unit in units
        for one, other in itertools.combinations(unit, 2)
    )


def made_units(seed: int, n: int, n_verdicts: int, most: int) -> list[list[int]]:
    """Things with a true verdict that each of 2 to `most` raters meets with probability 0.7."""
    rng = np.random.default_rng(seed)
    units = []
    for _ in range(n):
        true = int(rng.integers(n_verdicts))
        units.append(
            [
                true if rng.random() < 0.7 else int(rng.integers(n_verdicts))
                for _ in range(int(rng.integers(2, most + 1)))
            ]
        )
    return units


def value_counts(units: Units, n_verdicts: int) -> list[list[int]]:
    return [[list(unit).count(verdict) for verdict in range(n_verdicts)] for unit in units]


# ---- kappa


@pytest.mark.parametrize("weights", list(Weights))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kappa_and_its_error_are_those_of_statsmodels(seed: int, weights: Weights) -> None:
    table = np.random.default_rng(seed).integers(1, 30, (4, 4)) + 20 * np.eye(4, dtype=int)
    name = {Weights.NONE: None, Weights.LINEAR: "linear", Weights.QUADRATIC: "quadratic"}[weights]
    theirs = cohens_kappa(table, weights=np.arange(4) if name else None, wt=name)
    ours = cohen_kappa(table.tolist(), weights)
    assert ours is not None
    assert ours.value == pytest.approx(theirs.kappa, rel=1e-12)
    assert ours.error == pytest.approx(theirs.std_kappa, rel=1e-12)
    assert (ours.low, ours.high) == pytest.approx((theirs.kappa_low, theirs.kappa_upp), rel=1e-9)


def test_kappa_of_the_paper() -> None:
    # Fleiss, Cohen and Everitt (1969), table 1: 200 patients, two judges, three diagnoses.
    shares = [[0.53, 0.05, 0.02], [0.11, 0.14, 0.05], [0.01, 0.06, 0.03]]
    found = cohen_kappa([[round(200 * share) for share in row] for row in shares])
    assert found is not None
    assert found.observed == pytest.approx(0.70)
    assert found.value == pytest.approx(0.4286, abs=1e-4)


def test_what_kappa_cannot_say() -> None:
    assert cohen_kappa([[0, 0], [0, 0]]) is None
    assert cohen_kappa([[9, 0], [0, 0]]) is None
    perfect = cohen_kappa([[5, 0], [0, 5]])
    assert perfect == Agreement(1.0, 0.0, 1.0, 1.0, 1.0, 10.0)
    for table in ([[1, 2]], [[1, -1], [0, 1]]):
        with pytest.raises(ValueError, match="square"):
            cohen_kappa(table)


# ---- alpha


@pytest.mark.parametrize("nature", list(Level))
@pytest.mark.parametrize(("seed", "most"), [(1, 2), (2, 3), (3, 5)])
def test_alpha_is_that_of_krippendorff(seed: int, most: int, nature: Level) -> None:
    units = made_units(seed, 60, 4, most)
    values = [0.0, 0.2, 0.7, 1.0]
    theirs = krippendorff.alpha(
        value_counts=value_counts(units, 4),
        value_domain=values,
        level_of_measurement=nature.value,
    )
    ours = krippendorff_alpha(pairs_of(units), 4, nature, values)
    assert ours is not None
    assert ours.value == pytest.approx(theirs, rel=1e-12)
    assert ours.n_things == pytest.approx(60)


def test_alpha_of_the_paper() -> None:
    # Krippendorff (2011), section C: four observers, twelve units, five values; 0 is "no value".
    data = (
        (1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0),
        (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3),
        (0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0),
        (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0),
    )
    units = [[value - 1 for value in unit if value] for unit in zip(*data, strict=True)]
    pairs = pairs_of([unit for unit in units if len(unit) > 1])
    for nature, value in (
        (Level.NOMINAL, 0.743), (Level.ORDINAL, 0.815), (Level.INTERVAL, 0.849),
    ):  # fmt: skip
        found = krippendorff_alpha(pairs, 5, nature)
        assert found is not None
        assert found.value == pytest.approx(value, abs=5e-4), nature


def test_the_error_of_alpha_is_that_of_resampled_things() -> None:
    rng = np.random.default_rng(5)
    for most, least_ratio, largest_ratio in ((2, 0.93, 1.07), (3, 0.95, 1.6)):
        units = made_units(7, 300, 3, most)
        ours = krippendorff_alpha(pairs_of(units), 3)
        resampled = []
        for _ in range(300):
            drawn = [units[i] for i in rng.integers(0, len(units), len(units))]
            theirs = krippendorff.alpha(
                value_counts=value_counts(drawn, 3), level_of_measurement="nominal"
            )
            resampled.append(theirs)
        assert ours is not None
        # Exact for two raters, never too small for more.
        assert least_ratio < ours.error / float(np.std(resampled)) < largest_ratio


def test_what_alpha_cannot_say() -> None:
    assert krippendorff_alpha({}, 2) is None
    assert krippendorff_alpha({Pair(0, 0): 9}, 2) is None
    one = krippendorff_alpha({Pair(0, 1): 1}, 2)
    assert one is not None
    assert math.isnan(one.error)
    for wrong in ({Pair(0, 2): 1}, {Pair(0, 1): -1}):
        with pytest.raises(ValueError, match="not a count"):
            krippendorff_alpha(wrong, 2)
    with pytest.raises(ValueError, match="two raters"):
        Pair(0, 0, 1)
    with pytest.raises(ValueError, match="values"):
        krippendorff_alpha({}, 2, values=[1.0])


# ---- from marts to a report


def pair_row(one: str, other: str, verdicts: tuple[str, str], n: int, peers: int = 2) -> Any:
    kinds = ["judge" if name.startswith("judge") else "human" for name in (one, other)]
    return {
        "evaluator_kind": kinds[0], "evaluator_id": one,
        "other_evaluator_kind": kinds[1], "other_evaluator_id": other,
        "rubric": "answers", "rubric_version": "1", "criterion": "accuracy",
        "verdict": verdicts[0], "other_verdict": verdicts[1],
        "n_raters": 2, "n_peers": peers, "n_things": n,
    }  # fmt: skip


def score_row(judge: str, n_correct: int, n_incorrect: int) -> Any:
    return {
        "evaluator_kind": "judge", "evaluator_id": judge, "rubric": "answers",
        "rubric_version": "1", "criterion": "accuracy", "n_correct": n_correct,
        "n_incorrect": n_incorrect, "n_hallucinated": 0, "n_checked": 0,
        "n_passed": 1, "n_scored": 2,
    }  # fmt: skip


def test_a_thing_that_two_humans_judged_checks_the_judge_once() -> None:
    rows = [
        pair_row("ann", "judge-a", ("correct", "correct"), 8, peers=1),
        pair_row("ann", "judge-a", ("correct", "incorrect"), 2, peers=1),
        pair_row("ann", "judge-a", ("incorrect", "incorrect"), 4, peers=2),
        pair_row("bob", "judge-a", ("incorrect", "incorrect"), 4, peers=2),
        pair_row("ann", "bob", ("incorrect", "incorrect"), 4, peers=2),
    ]
    report = report_agreement(rows, [score_row("judge-a", 60, 40), score_row("judge-b", 1, 1)])
    (rate, unchecked) = report.corrected
    assert (rate.n_judged, rate.rate, rate.n_checked) == (100, 0.6, 14)
    assert (rate.sensitivity, rate.specificity) == (0.8, 1.0)
    # (0.6 + 1 - 1) / (0.8 + 1 - 1)
    assert rate.value == pytest.approx(0.75)
    assert (unchecked.value, unchecked.reason) == (None, "no human judged the same things")
    assert [group.kind for group in report.groups] == ["human"]
    # No rate is above one, whatever a judge that is checked on few things makes it.
    (most, _) = report_agreement(
        rows, [score_row("judge-a", 95, 5), score_row("judge-b", 1, 1)]
    ).corrected
    assert most.value == 1.0


def test_a_judge_that_knows_nothing_is_not_corrected() -> None:
    rows = [
        pair_row("ann", "judge-a", (truth, said), 5, peers=1)
        for truth in ("correct", "incorrect")
        for said in ("correct", "incorrect")
    ]
    (rate,) = report_agreement(rows, [score_row("judge-a", 50, 50)]).corrected
    assert rate.value is None
    assert rate.reason == "tells the humans' verdicts no better than chance"


def test_an_order_of_verdicts_makes_the_scale_ordinal() -> None:
    rows = [
        pair_row("ann", "bob", (one, other), n)
        for one, other, n in (
            ("bad", "bad", 9), ("bad", "fair", 4), ("fair", "good", 3), ("good", "good", 9),
        )
    ]  # fmt: skip
    order = ("bad", "fair", "good")
    plain, ordered = (
        report_agreement(rows, [], order=given, weights=Weights.QUADRATIC).groups[0]
        for given in ((), order)
    )
    assert (plain.level, ordered.level) == (Level.NOMINAL, Level.ORDINAL)
    assert plain.alpha is not None
    assert ordered.alpha is not None
    # All disagree by one step only.
    assert ordered.alpha.value > plain.alpha.value + 0.1
    with pytest.raises(LlmAnalyticsError, match="between 0 and 1"):
        report_agreement(rows, [], level=1.0)


def counted(events: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Rows of the two marts from events, in plain Python; each rater judges an answer once."""
    verdicts: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    labels: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        rater = (event["evaluator_kind"], event["evaluator_id"])
        verdicts[event["response_id"]].append((*rater, event["label"]))
        labels[(*rater, event["label"])] += 1
    pairs: Counter[tuple[str, str, tuple[str, str], int]] = Counter()
    for given in verdicts.values():
        for one, other in itertools.combinations(sorted(given), 2):
            peers = sum(rater[0] == one[0] for rater in given)
            pairs[(one[1], other[1], (one[2], other[2]), peers)] += 1
    rows = [
        pair_row(one, other, both, n, peers) for (one, other, both, peers), n in pairs.items()
    ]  # fmt: skip
    scores = [
        score_row(name, labels[(kind, name, "correct")], labels[(kind, name, "incorrect")])
        for kind, name in {key[:2] for key in labels}
        if kind == "judge"
    ]
    return rows, scores


def test_agreement_and_a_judges_error_are_found_as_planted(tmp_path: Path) -> None:
    rules = replace(
        Parameters().evaluation,
        human_rate=0.5, double_rate=0.6, judge_rate=0.8, judge_sensitivity=0.8,
    )  # fmt: skip
    truth = simulate(
        tmp_path, 120, 40, 11, parameters=Parameters(evaluation=rules),
        with_incidents=False, with_defects=False,
    ).truth["planted"]["models"]  # fmt: skip

    def read(stream: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (tmp_path / f"{stream}.jsonl").open()]

    models = {call.get("response_id"): call.get("response_model") for call in read("responses")}
    judged = [
        one
        for one in read("evaluations")
        if one["criterion"] == "accuracy" and one["label"] != "not_verifiable"
    ]
    n_found = 0
    for model, planted in truth.items():
        own = [one for one in judged if models.get(one["response_id"]) == model]
        if len(own) < 500:
            continue
        n_found += 1
        report = report_agreement(*counted(own), level=0.999)
        (humans,) = report.groups
        (judge,) = report.corrected
        assert humans.alpha is not None
        # Alpha of two raters is kappa, but for a term of the order of 1 / n.
        assert humans.alpha.low < planted["kappa_of_two_humans"] < humans.alpha.high
        assert judge.low is not None
        assert judge.high is not None
        assert judge.low < planted["accuracy_by_humans"] < judge.high
        error = math.sqrt(judge.rate * (1 - judge.rate) / judge.n_judged)
        assert abs(judge.rate - planted["accuracy_by_judge"]) < 4 * error
        # Uncorrected the judge is off by more than chance explains.
        assert abs(judge.rate - planted["accuracy_by_humans"]) > 4 * error
    assert n_found >= 2


# ---- the command


@pytest.fixture
def marts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with the two marts and nothing else."""
    file = tmp_path / "warehouse.duckdb"
    rows = [
        pair_row("ann", "bob", ("correct", "correct"), 40),
        pair_row("ann", "bob", ("incorrect", "incorrect"), 10),
        pair_row("ann", "bob", ("correct", "incorrect"), 10),
    ]
    with duckdb.connect(str(file)) as database:
        database.execute("create schema marts")
        for name, given in (("rater_pairs", rows), ("evaluation_scores_daily", [])):
            columns = given or [score_row("judge-a", 3, 1)]
            (tmp_path / f"{name}.json").write_text(json.dumps(columns))
            database.execute(
                f"create table marts.{name} as from read_json('{tmp_path / name}.json')"
            )
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    return file


def test_the_command_and_its_exit_statuses(marts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agreement"]) == 0
    assert "ann (human)" in capsys.readouterr().out
    assert main(["agreement", "--json", "--criterion", "accuracy"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"][0]["n_things"] == 60
    # 120 verdicts, 90 of them correct; 10 of 60 pairs differ.
    assert found["groups"][0]["alpha"]["value"] == pytest.approx(1 - 119 * 20 / (2 * 90 * 30))
    assert found["corrected_rates"][0]["reason"] == "no human judged the same things"
    assert main(["agreement", "--at-least", "0.5"]) == 0
    capsys.readouterr()
    assert main(["agreement", "--at-least", "0.8"]) == 4
    assert capsys.readouterr().err == "llm-analytics: below 0.8: alpha of accuracy is 0.559\n"
    assert main(["agreement", "--criterion", "wit"]) == 1
    assert "nothing was judged by wit; known: accuracy" in capsys.readouterr().err


def test_without_a_build_it_says_what_to_run(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    for command in ("agreement", "survival"):
        assert main([command]) == 1
        assert "run `dbt build` first" in capsys.readouterr().err
