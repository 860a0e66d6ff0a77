"""Worked cases that others have published: papers, books, printed outputs of R and of tools."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from llm_analytics.statistics import multiplicity, power, quantiles, sequential
from llm_analytics.statistics.bayes import linear_lift
from llm_analytics.statistics.pivot import Comparison, compare
from llm_analytics.statistics.proportions import (
    Counts,
    compare_proportions,
    difference_interval,
    newcombe_interval,
)
from llm_analytics.statistics.sample_ratio import sample_ratio
from llm_analytics.statistics.sums import Estimate, Sums, adjusted, combined, estimate


@pytest.fixture(scope="module")
def cases(shared: Path) -> dict[str, Any]:
    file = shared / "oracles/experiments.json"
    if not file.is_file():
        pytest.skip(f"no worked cases at {file}")
    return {case["id"][:3]: case for case in json.loads(file.read_text(), parse_float=Decimal)}


def arms(case: Any) -> tuple[Estimate, Estimate]:
    """Control and treatment of a case that gives n, sum and sum of squares."""
    found = [
        estimate(Sums.of_mean(arm["n"], arm["sum"], arm["sum_squares"]))
        for arm in (case["input"]["control"], case["input"]["treatment"])
    ]
    assert found[0] is not None
    assert found[1] is not None
    return found[0], found[1]


def near(value: Any, tolerance: float) -> Any:
    """A published value, or a list of them."""
    if isinstance(value, list):
        return tuple(near(one, tolerance) for one in value)
    return pytest.approx(float(value), abs=tolerance)


def test_p01_welch_of_students_sleep_data(cases: dict[str, Any]) -> None:
    case = cases["P01"]
    control, treatment = (
        estimate(Sums.of_units([(x, 1, 0, 0) for x in case["input"][arm]]))
        for arm in ("treatment", "control")
    )
    assert control is not None
    assert treatment is not None
    # The case subtracts in the other direction: group 1 is what it calls the control.
    found = compare(treatment, control)
    for expected, tolerance in ((case["expected"], None), (case["recomputed"], 1e-9)):
        tol = {name: float(value) for name, value in case["tol"].items()}
        assert found.statistic == near(expected["t"], tolerance or tol["t"])
        assert found.degrees == near(expected["df"], tolerance or tol["df"])
        assert found.p_value == near(expected["p"], tolerance or tol["p"])
        interval = (found.difference_low, found.difference_high)
        assert interval == near(expected["ci95"], tolerance or tol["ci95"])


def test_p02_p_comes_from_the_difference(cases: dict[str, Any]) -> None:
    case = cases["P02"]
    found = compare(*arms(case))
    tolerance = float(case["tol"])
    expected = case["expected"]["absolute"]
    assert found.difference == near(expected["diff"], tolerance)
    assert found.error == near(expected["se"], tolerance)
    assert found.p_value == near(expected["p"], tolerance)
    assert (found.difference_low, found.difference_high) == near(expected["ci95"], tolerance)
    # The linear lift of others is not significant on the same data; Fieller's agrees with p.
    lift = linear_lift(found)
    assert lift is not None
    theirs = case["expected"]["gbstats_relative_linear_delta"]
    assert lift == (near(theirs["lift"], tolerance), near(theirs["se"], tolerance))
    assert float(theirs["ci95"][0]) < 0 < found.p_value < 0.05
    assert found.lift_low is not None
    assert found.lift_low > 0


def moments(row: Any, names: list[str | None]) -> Sums:
    """Sums from the count, means, variances and covariances of one arm; None is a constant 1."""
    n = row["n"]

    def mean(name: str | None) -> Decimal:
        return Decimal(1) if name is None else Decimal(row[f"m_{name}"])

    def covariance(a: str | None, b: str | None) -> Decimal:
        if a is None or b is None:
            return Decimal(0)
        if a == b:
            return Decimal(row[f"var_{a}"])
        key = f"cov_{a}__{b}"
        return Decimal(row[key if key in row else f"cov_{b}__{a}"])

    return Sums.make(
        n,
        [mean(name) * n for name in names],
        [
            covariance(names[a], names[b]) * (n - 1) + mean(names[a]) * mean(names[b]) * n
            for a in range(4)
            for b in range(a, 4)
        ],
    )


def check_full(found: Comparison, expected: Any) -> None:
    assert found.control.value == near(expected["control"], 1e-9)
    assert found.treatment.value == near(expected["treatment"], 1e-9)
    assert found.difference == near(expected["effect_size"], 1e-9)
    assert found.difference_low == near(expected["effect_size_ci_lower"], 1e-9)
    assert found.difference_high == near(expected["effect_size_ci_upper"], 1e-9)
    assert found.lift == near(expected["rel_effect_size"], 1e-9)
    assert found.p_value == near(expected["pvalue"], 1e-9)
    assert found.statistic == near(expected["statistic"], 1e-9)
    # The log interval of others and Fieller's are the same to the first order.
    assert found.lift_low == near(expected["rel_effect_size_ci_lower"], 0.01)
    assert found.lift_high == near(expected["rel_effect_size_ci_upper"], 0.01)


def test_p03_ratio_of_means(cases: dict[str, Any]) -> None:
    case = cases["P03"]
    rows = sorted(case["input"]["aggregates"], key=lambda row: int(row["v"]))
    plain = [estimate(moments(row, ["orders", "sessions", None, None])) for row in rows]
    assert plain[0] is not None
    assert plain[1] is not None
    check_full(compare(plain[0], plain[1]), case["expected_full"])


def test_p04_cuped(cases: dict[str, Any]) -> None:
    case = cases["P04"]
    rows = sorted(case["input"]["aggregates"], key=lambda row: int(row["v"]))
    metrics: dict[str, list[str | None]] = {
        "orders_per_session": ["orders", "sessions", "orders_covariate", "sessions_covariate"],
        "orders_per_user": ["orders", None, "orders_covariate", None],
        "revenue_per_user": ["revenue", None, "revenue_covariate", None],
    }
    for metric, names in metrics.items():
        found = adjusted(moments(rows[0], names), moments(rows[1], names))
        assert found is not None
        check_full(compare(found.control, found.treatment), case["expected_full"][metric])


def test_p05_sample_ratio_mismatch(cases: dict[str, Any]) -> None:
    for case, full in zip(cases["P05"]["cases"], cases["P05"]["full"], strict=True):
        found = sample_ratio(
            dict(zip("ab", case["observed"], strict=True)),
            dict(zip("ab", case["ratio"], strict=True)),
        )
        assert found.p_value == pytest.approx(
            float(case["expected_p"]),
            rel=float(case.get("rtol", 0)),
            abs=float(case.get("atol", 0)),
        )
        assert found.p_value == pytest.approx(float(full), rel=1e-9)


def test_p06_multiplicity(cases: dict[str, Any]) -> None:
    case = cases["P06"]
    p_values = [float(p) for p in case["input"]["p"]]
    found = multiplicity.benjamini_hochberg(p_values)
    assert tuple(found) == near(case["expected"]["bh"], float(case["tol"]))
    assert sum(p <= 0.05 for p in found) == case["expected"]["n_rejected_bh_05"]
    bonferroni = sum(p * len(p_values) <= 0.05 for p in p_values)
    assert bonferroni == case["expected"]["n_rejected_bonferroni_05"]
    assert sum(p <= 0.05 for p in multiplicity.holm(p_values)) >= bonferroni


def test_p07_always_valid_interval(cases: dict[str, Any]) -> None:
    case = cases["P07"]
    control, treatment = arms(case)
    lift = linear_lift(compare(control, treatment))
    assert lift is not None
    n, tuned = control.n + treatment.n, case["input"]["N_star"]
    limit = sequential.always_valid_critical(n, tuned)
    expected, tolerance = case["expected"], float(case["tol"])
    assert lift == (near(expected["lift"], tolerance), near(expected["se"], tolerance))
    interval = (lift[0] - limit * lift[1], lift[0] + limit * lift[1])
    assert interval == near(expected["ci95"], tolerance)
    assert sequential.always_valid_p(lift[0] / lift[1], n, tuned) == float(expected["p"])
    for tuned_for, multiplier in ((5000, "N=9000,N*=5000"), (10000, "N=9000,N*=10000")):
        assert sequential.always_valid_critical(9000, tuned_for) == near(
            case["multiplier"][multiplier], 1e-12
        )


def test_p08_power(cases: dict[str, Any]) -> None:
    published = cases["P08"]["cases"]
    # R's default leaves out the far tail, 2e-7 here.
    assert power.power_of(1.0, math.sqrt(2 / 20), 38) == near(published[0]["expected_power"], 3e-7)
    assert power.units_needed(1.0, 1.0, 0.9) / 2 == near(published[1]["expected_n"], 1e-4)
    assert power.units_for_proportions(0.5, 0.75, 0.9) == near(
        published[2]["expected_n"], float(published[2]["atol"])
    )
    exact = power.units_needed(0.0025, math.sqrt(0.05 * 0.95)) / 2
    assert exact == pytest.approx(float(published[3]["expected_n"]), rel=0.02)


def test_p09_intervals_of_two_proportions(cases: dict[str, Any]) -> None:
    limit = float(stats.norm.isf(0.025))
    for case, places in zip(cases["P09"]["cases"], (3, 4), strict=True):
        a, n, b, m = case["input"]
        control, treatment = Counts(b, m), Counts(a, n)
        expected = case["expected"]
        score = difference_interval(control, treatment, limit, is_corrected=True)
        assert newcombe_interval(control, treatment, limit) == near(
            expected["newcombe"], 0.6 * 10 ** -(places if places == 4 else 2)
        )
        if "score" in expected:
            assert score == near(expected["score"], 0.006)
        else:
            assert score == near(expected["miettinen_nurminen"], 6e-5)
            plain = difference_interval(control, treatment, limit)
            assert plain == near(expected["mee"], 6e-5)
        found = compare_proportions(control, treatment)
        wald = (found.difference - limit * found.error, found.difference + limit * found.error)
        assert wald == near(expected["wald"], 0.006 if places == 3 else 6e-5)


def test_p10_test_of_a_quantile(cases: dict[str, Any]) -> None:
    case = cases["P10"]
    given = case["input"]
    found = quantiles.quantile_test(given["x"], given["q"], float(given["p"]))
    assert found == near(case["expected"]["p_two_sided"], float(case["atol"]))


def test_p11_planned_looks(cases: dict[str, Any]) -> None:
    for case in cases["P11"]["cases"]:
        found = sequential.group_sequential_bounds([float(t) for t in case["t"]])
        assert tuple(found) == near(case["expected"], float(cases["P11"]["atol"]))


def test_p12_a_ramp_is_not_pooled(cases: dict[str, Any]) -> None:
    case = cases["P12"]
    parts: dict[str, list[Estimate]] = {"c": [], "t": []}
    for phase in ("fri", "sat"):
        for place, arm in enumerate("ct"):
            successes, n = case["input"][phase][arm]
            found = estimate(Sums.of_mean(n, successes, successes))
            assert found is not None
            assert found.value == near(case["expected"][phase][place], 5e-5)
            parts[arm].append(found)
    weights = [c.n + t.n for c, t in zip(parts["c"], parts["t"], strict=True)]
    result = compare(combined(parts["c"], weights), combined(parts["t"], weights))
    assert case["expected"]["stratified_sign"] == "positive"
    assert result.difference > 0
    pooled = [
        sum(part.value * part.n for part in parts[arm]) / sum(part.n for part in parts[arm])
        for arm in "ct"
    ]
    assert tuple(pooled) == near(case["expected"]["pooled"], 5e-5)
    assert pooled[1] < pooled[0]


def test_p13_events_or_users(cases: dict[str, Any]) -> None:
    case = cases["P13"]
    rows = case["input"]["rows"]
    events = sorted(float(value) for _, value in rows)
    totals: dict[str, float] = {}
    for user, value in rows:
        totals[user] = totals.get(user, 0) + float(value)
    assert quantiles.nearest_rank(events, 0.5) == case["expected"]["event_p50"]
    assert quantiles.nearest_rank(sorted(totals.values()), 0.5) == case["expected"]["user_sum_p50"]
