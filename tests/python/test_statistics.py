"""Every number of the statistics package against other libraries, and against itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats import contingency_tables, multitest, proportion, weightstats
from statsmodels.stats import power as sm_power
from tea_tasting.aggr import Aggregates

from llm_analytics.statistics import multiplicity, paired, power, quantiles, sequential
from llm_analytics.statistics.bayes import linear_lift, posterior
from llm_analytics.statistics.judges import Confusion, corrected_rate
from llm_analytics.statistics.pivot import (
    compare,
    equivalence,
    fieller,
    non_inferiority,
    statistic_at,
)
from llm_analytics.statistics.proportions import (
    Counts,
    compare_proportions,
    newcombe_interval,
    non_inferior_proportions,
    restricted_by_difference,
    score_by_difference,
    score_by_ratio,
)
from llm_analytics.statistics.sample_ratio import sample_ratio
from llm_analytics.statistics.segments import cochran_q
from llm_analytics.statistics.sums import Estimate, Sums, adjusted, combined, estimate
from llm_analytics.statistics.twyman import is_at_maximum, is_one_unit, is_too_good

EXACT = 1e-9


def close(value: float | None) -> Any:
    return pytest.approx(value, rel=EXACT, abs=1e-300)


def draw(seed: int, n: int, offset: float = 0.0) -> Sums:
    """Units with a count, a correlated amount, and the same from before."""
    rng = np.random.default_rng(seed)
    before = rng.poisson(3, n)
    sessions = rng.poisson(1 + before) + 1
    orders = rng.binomial(sessions, 0.3) + int(offset)
    orders_before = rng.binomial(before, 0.3)
    columns = zip(orders, sessions, orders_before, before, strict=True)
    return Sums.of_units([tuple(int(x) for x in row) for row in columns])


def aggregates(sums: Sums, *, is_ratio: bool) -> Aggregates:
    """The same moments as tea-tasting takes them."""
    names = ["y", "x", "yp", "xp"]
    firsts = {name: float(total / sums.n) for name, total in zip(names, sums.firsts, strict=True)}
    pairs = [(a, b) for a in range(4) for b in range(a, 4)]
    return Aggregates(
        count_=sums.n,
        mean_=firsts,
        var_={names[a]: float(sums.covariance(a, a)) for a in range(4)},
        cov_={(names[a], names[b]): float(sums.covariance(a, b)) for a, b in pairs if a != b},
    )


def as_mean(sums: Sums) -> Sums:
    """The same units with 1 in place of their denominators."""
    n = Fraction(sums.n)
    y, _, yp, _ = sums.firsts
    yy, _, yyp, _, _, _, _, ypyp, _, _ = sums.products
    return Sums(sums.n, (y, n, yp, n), (yy, y, yyp, y, n, yp, n, ypyp, yp, n))


def test_a_mean_equals_welch_in_tea_tasting_and_statsmodels() -> None:
    arms = as_mean(draw(1, 400)), as_mean(draw(2, 500))
    control, treatment = (estimate(arm) for arm in arms)
    assert control is not None
    assert treatment is not None
    ours = compare(control, treatment)
    theirs = tt.Mean("y", equal_var=False).analyze_aggregates(
        *(aggregates(arm, is_ratio=False) for arm in arms)
    )
    assert ours.p_value == close(theirs.pvalue)
    assert ours.statistic == close(theirs.statistic)
    assert ours.difference_low == close(theirs.effect_size_ci_lower)
    assert ours.difference_high == close(theirs.effect_size_ci_upper)
    assert ours.lift == close(theirs.rel_effect_size)
    means = [
        weightstats.DescrStatsW(_with_moments(arm.value, arm.variance * arm.n, arm.n))
        for arm in (treatment, control)
    ]
    against = weightstats.CompareMeans(*means)
    assert ours.p_value == close(against.ttest_ind(usevar="unequal")[1])
    low, high = against.tconfint_diff(usevar="unequal")
    assert (ours.difference_low, ours.difference_high) == (close(low), close(high))


def _with_moments(mean: float, variance: float, n: int) -> np.ndarray[Any, Any]:
    """N numbers of that mean and sample variance."""
    raw = np.random.default_rng(0).normal(size=n)
    result: np.ndarray[Any, Any] = (raw - raw.mean()) / raw.std(ddof=1) * math.sqrt(variance) + mean
    return result


@pytest.mark.parametrize("is_adjusted", [False, True])
def test_a_ratio_equals_tea_tasting_with_and_without_cuped(is_adjusted: bool) -> None:
    arms = draw(3, 700), draw(4, 600)
    covariates = {"numer_covariate": "yp", "denom_covariate": "xp"} if is_adjusted else {}
    theirs = tt.RatioOfMeans("y", "x", equal_var=False, **covariates).analyze_aggregates(
        *(aggregates(arm, is_ratio=True) for arm in arms)
    )
    if is_adjusted:
        found = adjusted(*arms)
        assert found is not None
        control, treatment = found.control, found.treatment
        assert 0 < found.reduction < 1
    else:
        plain = [estimate(arm) for arm in arms]
        assert plain[0] is not None
        assert plain[1] is not None
        control, treatment = plain[0], plain[1]
    ours = compare(control, treatment)
    assert ours.control.value == close(theirs.control)
    assert ours.treatment.value == close(theirs.treatment)
    assert ours.p_value == close(theirs.pvalue)
    assert ours.difference_low == close(theirs.effect_size_ci_lower)
    assert ours.difference_high == close(theirs.effect_size_ci_upper)


def test_cuped_takes_away_what_the_past_explains() -> None:
    """For means of one arm against its copy the variance falls by ρ² exactly (Deng et al.)."""
    arm = as_mean(draw(5, 1000))
    found = adjusted(arm, arm)
    assert found is not None
    rho2 = arm.covariance(0, 2) ** 2 / (arm.covariance(0, 0) * arm.covariance(2, 2))
    assert found.reduction == close(float(rho2))


def test_cuped_without_a_past_is_refused() -> None:
    arm = Sums.of_units([(1, 1, 0, 0), (2, 1, 0, 0), (3, 1, 0, 0)])
    constant = Sums.of_units([(1, 1, 7, 1), (2, 1, 7, 1), (3, 1, 7, 1)])
    assert adjusted(arm, arm) is None
    assert adjusted(constant, constant) is None


def test_an_offset_of_a_billion_costs_no_digit() -> None:
    values = [[0, 1, 2, 2, 5], [1, 1, 3, 4, 6]]
    results = []
    for offset in (0, 10**9, 10**15):
        arms = [
            estimate(Sums.of_mean(5, sum(v), sum(x * x for x in v)))
            for v in ([x + offset for x in arm] for arm in values)
        ]
        assert arms[0] is not None
        assert arms[1] is not None
        results.append(compare(arms[0], arms[1]))
    expected = stats.ttest_ind(values[1], values[0], equal_var=False)
    for result in results:
        assert result.p_value == close(expected.pvalue)
        assert result.difference == pytest.approx(1.0, rel=1e-6)


def test_a_tiny_p_is_a_number_and_not_zero() -> None:
    result = compare(Estimate(10, 1e-4, 1e6, 10**6), Estimate(10.5, 1e-4, 1e6, 10**6))
    assert result.p_value == close(2 * stats.t.sf(0.5 / math.sqrt(2e-4), 2e6))
    assert 0 < result.p_value < 1e-200


@pytest.mark.parametrize(
    "arm",
    [Sums.of_mean(0, 0, 0), Sums.of_mean(1, 5, 25), Sums.of_units([(0, 0, 0, 0)] * 5)],
    ids=["no units", "one unit", "nothing to divide by"],
)
def test_an_arm_that_says_nothing_has_no_estimate(arm: Sums) -> None:
    assert estimate(arm) is None


def test_arms_without_any_variance_are_equal_or_surely_different() -> None:
    zero, one = (Estimate(value, 0.0, 9, 10) for value in (0.0, 1.0))
    assert compare(zero, zero).p_value == 1.0
    assert compare(zero, one).p_value == 0.0
    assert compare(zero, one).is_unbounded
    assert compare(one, one).lift_low == compare(one, one).lift_high == 0.0


def test_sums_add_up_and_refuse_what_is_none() -> None:
    units = [(i % 3, 1 + i % 2, i % 5, 1) for i in range(20)]
    assert Sums.of_units(units[:7]) + Sums.of_units(units[7:]) == Sums.of_units(units)
    with pytest.raises(ValueError, match="4 sums"):
        Sums.make(3, (1, 2, 3), (0,) * 10)
    with pytest.raises(ValueError, match="alpha"):
        compare(Estimate(1, 1, 9, 10), Estimate(1, 1, 9, 10), alpha=1.0)


values = st.floats(0.1, 100)
variances = st.floats(1e-4, 10)


@given(values, variances, values, variances, st.floats(0.001, 0.5), st.floats(0.01, 0.5))
def test_p_interval_and_non_inferiority_never_contradict_each_other(
    c: float, vc: float, t: float, vt: float, alpha: float, margin: float
) -> None:
    result = compare(Estimate(c, vc, 50, 51), Estimate(t, vt, 80, 81), alpha)
    is_rejected = result.p_value < alpha
    assert is_rejected == (result.difference_low > 0 or result.difference_high < 0)
    if result.lift_low is not None and result.lift_high is not None:
        assert is_rejected == (result.lift_low > 0 or result.lift_high < 0)
        for is_higher, edge in ((True, result.lift_low), (False, -result.lift_high)):
            shown = non_inferiority(result, margin, higher_is_better=is_higher)
            if not math.isclose(edge, -margin, rel_tol=1e-9):
                assert shown.is_shown == (edge > -margin) == (shown.p_value < alpha / 2)
        for ratio in (1 + result.lift_low, 1 + result.lift_high):
            at = statistic_at(result.control, result.treatment, ratio)
            assert abs(at) == pytest.approx(result.critical, rel=1e-5)


@given(values, variances, values, variances, st.floats(0.001, 0.5), st.floats(0.01, 0.5))
def test_equivalence_is_an_interval_within_both_margins(
    c: float, vc: float, t: float, vt: float, alpha: float, margin: float
) -> None:
    result = compare(Estimate(c, vc, 50, 51), Estimate(t, vt, 80, 81), alpha)
    ways = [non_inferiority(result, margin, higher_is_better=way) for way in (True, False)]
    shown = equivalence(*ways)
    assert shown == equivalence(*reversed(ways))
    if result.lift_low is None or result.lift_high is None:
        return
    edges = (result.lift_low + margin, margin - result.lift_high)
    if not any(math.isclose(edge, 0, abs_tol=1e-9) for edge in edges):
        assert shown.is_shown == (min(edges) > 0) == (shown.p_value < alpha / 2)


def test_equivalence_equals_the_two_one_sided_tests_of_statsmodels() -> None:
    arms = as_mean(draw(1, 400)), as_mean(draw(2, 500))
    control, treatment = (estimate(arm) for arm in arms)
    assert control is not None
    assert treatment is not None
    ours = compare(control, treatment)
    against = weightstats.CompareMeans(
        *(
            weightstats.DescrStatsW(_with_moments(arm.value, arm.variance * arm.n, arm.n))
            for arm in (treatment, control)
        )
    )
    margin = abs(ours.difference) + 2.5 * ours.error
    found = equivalence(
        *(
            non_inferiority(ours, margin, higher_is_better=way, is_relative=False)
            for way in (True, False)
        )
    )
    theirs, *_ = against.ttost_ind(-margin, margin, usevar="unequal")
    assert found.p_value == close(theirs)
    assert found.is_shown
    with pytest.raises(ValueError, match="one margin"):
        equivalence(
            non_inferiority(ours, 0.1, higher_is_better=True),
            non_inferiority(ours, 0.2, higher_is_better=False),
        )


def test_fieller_equals_its_definition_by_root_finding() -> None:
    """Plain search for the ratios at which T is the critical value."""
    control, treatment = Estimate(2.0, 0.01, 99, 100), Estimate(2.3, 0.02, 99, 100)
    found = fieller(control, treatment, 1.96)
    assert found is not None
    grid = np.linspace(0.9, 1.5, 600_001)
    kept = [r for r in grid if abs(statistic_at(control, treatment, float(r))) <= 1.96]
    assert found == pytest.approx((kept[0], kept[-1]), abs=2e-6)


def test_a_control_near_zero_has_no_ratio() -> None:
    assert fieller(Estimate(0.1, 0.01, 99, 100), Estimate(1, 0.01, 99, 100), 1.96) is None
    assert fieller(Estimate(-5, 0.01, 99, 100), Estimate(1, 0.01, 99, 100), 1.96) is None


counts = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda x: Counts(min(x), max(*x, 1)))


@given(counts, counts, st.floats(0.01, 0.4))
def test_proportions_never_contradict_themselves(
    control: Counts, treatment: Counts, margin: float
) -> None:
    result = compare_proportions(control, treatment)
    is_rejected = abs(result.statistic) > result.critical
    if abs(abs(result.statistic) - result.critical) < 1e-9:
        return
    assert is_rejected == (result.p_value < 0.05)
    assert is_rejected == (result.difference_low > 0 or result.difference_high < 0)
    if result.lift_low is not None and result.lift_high is not None:
        assert is_rejected == (result.lift_low > 0 or result.lift_high < 0)
        shown = non_inferior_proportions(
            control, treatment, margin, result.critical, higher_is_better=True
        )
        if abs(shown.statistic - result.critical) > 1e-6:
            assert shown.is_shown == (result.lift_low > -margin)
    absolute = non_inferior_proportions(
        control, treatment, margin, result.critical, higher_is_better=True, is_relative=False
    )
    if abs(absolute.statistic - result.critical) > 1e-6:
        assert absolute.is_shown == (result.difference_low > -margin)


def test_proportions_equal_the_pooled_z_of_statsmodels() -> None:
    for control, treatment in (
        ((20034, 44700), (20119, 45489)),
        ((0, 30), (4, 31)),
        ((7, 9), (9, 9)),
    ):
        z, p = proportion.proportions_ztest([treatment[0], control[0]], [treatment[1], control[1]])
        ours = compare_proportions(Counts(*control), Counts(*treatment))
        assert ours.statistic == close(z)
        assert ours.p_value == close(p)


def test_the_score_test_of_a_ratio_equals_statsmodels_at_any_ratio() -> None:
    for ratio in (0.8, 0.95, 1.0, 1.25):
        found = proportion.test_proportions_2indep(
            48, 80, 56, 70, value=ratio, method="score", compare="ratio", correction=False
        )
        assert score_by_ratio(Counts(56, 70), Counts(48, 80), ratio) == close(found.statistic)


def test_the_score_test_of_a_difference_is_right_where_statsmodels_is_not() -> None:
    """Against the likelihood maximised by plain search; statsmodels swaps the arms there."""
    control, treatment = Counts(48, 80), Counts(56, 70)
    for value in (-0.2, 0.05, 0.35):
        rates = np.linspace(max(0, -value), min(1, 1 - value), 2_000_003)[1:-1]
        likelihood = (
            48 * np.log(rates) + 32 * np.log1p(-rates)
            + 56 * np.log(rates + value) + 14 * np.log1p(-rates - value)
        )  # fmt: skip
        best = float(rates[np.argmax(likelihood)])
        assert restricted_by_difference(control, treatment, value)[0] == pytest.approx(
            best, abs=2e-6
        )
        theirs = proportion.test_proportions_2indep(
            56, 70, 48, 80, value=value, method="score", compare="diff", correction=False
        )
        ours = score_by_difference(control, treatment, value)
        if value != 0:
            assert abs(ours - theirs.statistic) > 1e-4
    at_zero = proportion.test_proportions_2indep(
        56, 70, 48, 80, value=0, method="score", compare="diff", correction=False
    )
    assert score_by_difference(control, treatment) == close(at_zero.statistic)


def test_newcombe_equals_statsmodels() -> None:
    low, high = proportion.confint_proportions_2indep(56, 70, 48, 80, method="newcomb")
    found = newcombe_interval(Counts(48, 80), Counts(56, 70), stats.norm.isf(0.025))
    assert found == (close(low), close(high))


def test_a_proportion_is_known_by_its_sums() -> None:
    assert Sums.of_units([(1, 1, 0, 0), (0, 1, 0, 0)]).is_binary
    assert not Sums.of_units([(2, 1, 0, 0), (0, 1, 0, 0)]).is_binary
    assert not Sums.of_units([(1, 2, 0, 0), (0, 1, 0, 0)]).is_binary
    with pytest.raises(ValueError, match="not a proportion"):
        Counts(3, 2)


def test_multiplicity_equals_statsmodels() -> None:
    rng = np.random.default_rng(6)
    p = [*(float(x) for x in rng.random(30) ** 3), 0.01, 0.01, 1.0, 0.0]
    assert multiplicity.holm(p) == [close(x) for x in multitest.multipletests(p, method="holm")[1]]
    expected = multitest.multipletests(p, method="fdr_bh")[1]
    assert multiplicity.benjamini_hochberg(p) == [close(x) for x in expected]
    assert multiplicity.holm([]) == multiplicity.benjamini_hochberg([]) == []


@pytest.mark.parametrize(
    ("observed", "weights", "is_mismatch", "p"),
    [
        ({"a": 500, "b": 500}, {"a": 1, "b": 1}, False, 1.0),
        ({"a": 600, "b": 400}, {"a": 1, "b": 1}, True, stats.chisquare([600, 400]).pvalue),
        ({"a": 600, "b": 400}, {"a": 6, "b": 4}, False, 1.0),
        ({"a": 500, "b": 500, "c": 1}, {"a": 1, "b": 1, "c": 0}, True, 0.0),
        ({"a": 500, "b": 500, "x": 1}, {"a": 1, "b": 1}, True, 0.0),
        ({"a": 10}, {"a": 1, "b": 1}, True, 0.0),
        ({}, {"a": 1, "b": 1}, False, None),
        ({"a": 10}, {"a": 1, "b": 0}, False, None),
    ],
)
def test_the_sample_ratio_stands_or_falls(
    observed: dict[str, int], weights: dict[str, float], is_mismatch: bool, p: float | None
) -> None:
    found = sample_ratio(observed, weights)
    assert found.is_mismatch is is_mismatch
    assert (found.reason is not None) is is_mismatch
    assert found.p_value == (None if p is None else close(p))


def test_phases_are_combined_and_not_pooled() -> None:
    phases = [((20000, 990000), (230, 10000)), ((5000, 500000), (6000, 500000))]
    control, treatment = ([Counts(*phase[arm]) for phase in phases] for arm in (0, 1))
    weights = [c.trials + t.trials for c, t in zip(control, treatment, strict=True)]
    arms = [combined([_rate(counts) for counts in arm], weights) for arm in (control, treatment)]
    assert arms[1].value > arms[0].value
    # Both phases have as many units: half of each, a quarter of their variances.
    halves = [_rate(counts).variance / 4 for counts in control]
    assert arms[0].variance == close(sum(halves))
    pooled = [
        sum(x.successes for x in arm) / sum(x.trials for x in arm) for arm in (control, treatment)
    ]
    assert pooled[1] < pooled[0]
    # One phase is itself.
    one = combined([_rate(control[0])], [3.0])
    assert (one.value, one.degrees) == (close(_rate(control[0]).value), close(989999))


def _rate(counts: Counts) -> Estimate:
    sums = Sums.of_mean(counts.trials, counts.successes, counts.successes)
    found = estimate(sums)
    assert found is not None
    return found


def test_power_equals_statsmodels_and_the_effect_is_its_exact_inverse() -> None:
    for n, effect in ((20, 1.0), (50, 0.3), (5000, 0.05)):
        theirs = sm_power.TTestIndPower().power(effect, n, 0.05, ratio=1)
        error, degrees = math.sqrt(2 / n), 2 * n - 2
        ours = power.power_of(effect, error, degrees)
        assert ours == close(theirs)
        assert power.detectable_effect(error, degrees, ours) == pytest.approx(effect, rel=1e-7)
    assert power.power_of(5.0, 0.01, 1e5) == 1.0
    assert power.detectable_effect(0.0, 10) == 0.0


@pytest.mark.parametrize(("share", "ratio"), [(0.5, 1.0), (0.2, 0.25)])
def test_the_units_needed_give_the_power(share: float, ratio: float) -> None:
    n = power.units_needed(0.25, 1.0, 0.8, share=share)
    error = math.sqrt(1 / (n * share) + 1 / (n * (1 - share)))
    assert power.power_of(0.25, error, power._at_size(n, 1.0, share)[1]) == pytest.approx(0.8)
    theirs = sm_power.TTestIndPower().solve_power(0.25, power=0.8, alpha=0.05, ratio=ratio)
    assert n == pytest.approx(theirs * (1 + ratio), rel=0.01 if share != 0.5 else 1e-6)


def test_what_has_no_power_is_refused() -> None:
    with pytest.raises(ValueError, match="power"):
        power.detectable_effect(1.0, 10, 1.0)
    with pytest.raises(ValueError, match="effect"):
        power.units_needed(0.0, 1.0)
    with pytest.raises(ValueError, match="rates"):
        power.units_for_proportions(0.1, 0.1)


def test_planned_looks_spend_alpha_exactly() -> None:
    """Simulated random walks cross the bounds in 5 % (within four standard errors)."""
    looks = [0.3, 0.55, 0.8, 1.0]
    bounds = sequential.group_sequential_bounds(looks)
    assert bounds == sorted(bounds, reverse=True)
    rng = np.random.default_rng(7)
    steps = np.diff([0.0, *looks])
    walk = np.cumsum(rng.normal(size=(400_000, 4)) * np.sqrt(steps), axis=1) / np.sqrt(looks)
    crossed = (np.abs(walk) > bounds).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 400_000))
    assert sequential.group_sequential_bounds([1.0]) == [close(stats.norm.isf(0.025))]
    assert sequential.group_sequential_bounds([0.0001, 1.0])[1] == pytest.approx(1.96, abs=1e-4)


@pytest.mark.parametrize("looks", [[], [0.5, 0.5], [0.5, 0.2], [0.5, 1.1], [0.0]])
def test_looks_that_do_not_rise_are_refused(looks: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="rising"):
        sequential.group_sequential_bounds(looks)


@given(st.floats(-8, 8), st.integers(10, 10**7), st.sampled_from([100.0, 5000.0]))
def test_the_always_valid_p_agrees_with_its_interval(z: float, n: int, tuned: float) -> None:
    limit = sequential.always_valid_critical(n, tuned)
    if abs(abs(z) - limit) > 1e-9:
        assert (sequential.always_valid_p(z, n, tuned) < 0.05) == (abs(z) > limit)
    assert limit > 1.96


def test_cochran_equals_its_formula_by_hand() -> None:
    # Weights 1 and 4, mean 1.8: 1·(1 - 1.8)² + 4·(2 - 1.8)² = 0.8.
    assert cochran_q([1.0, 2.0], [1.0, 0.5]) == (close(0.8), close(stats.chi2.sf(0.8, 1)))
    assert cochran_q([1.0], [1.0]) is None
    assert cochran_q([1.0, 2.0], [1.0, 0.0]) is None


def test_the_posterior_lies_between_prior_and_data() -> None:
    comparison = compare(Estimate(100, 1, 999, 1000), Estimate(110, 1, 999, 1000))
    lift = linear_lift(comparison)
    assert lift == (close(0.1), close(math.sqrt((1 + 1.21) / 10_000)))
    found = posterior(comparison, higher_is_better=True, margin=0.02)
    assert found is not None
    wide = posterior(comparison, higher_is_better=True, prior_deviation=1e6)
    assert wide is not None
    assert 0 < found.mean < 0.1
    assert wide.mean == pytest.approx(0.1)
    assert found.p_not_worse > found.p_better > 0.99
    lower = posterior(comparison, higher_is_better=False)
    assert lower is not None
    assert lower.p_better == pytest.approx(1 - found.p_better)


def test_pairs_equal_the_paired_t_test() -> None:
    rng = np.random.default_rng(8)
    before = rng.normal(5, 2, 40)
    after = before + rng.normal(0.3, 1, 40)
    found = paired.compare_paired(list(zip(before, after, strict=True)))
    assert found is not None
    expected = stats.ttest_rel(after, before)
    interval = expected.confidence_interval()
    assert (found.statistic, found.p_value) == (close(expected.statistic), close(expected.pvalue))
    assert (found.difference_low, found.difference_high) == (
        close(interval.low), close(interval.high),
    )  # fmt: skip
    assert paired.compare_paired([(1, 2)]) is None


def test_answers_of_one_prompt_count_as_one() -> None:
    pairs = [(1, 2), (3, 3), (2, 4), (5, 5), (4, 7)]
    plain = paired.compare_paired(pairs)
    tripled = paired.compare_paired(pairs * 3)
    clustered = paired.compare_paired(pairs * 3, [*range(5)] * 3)
    assert plain is not None
    assert tripled is not None
    assert clustered is not None
    assert clustered.p_value == close(plain.p_value)
    assert tripled.p_value < plain.p_value


def test_mcnemar_equals_statsmodels() -> None:
    pairs = [(1, 1)] * 20 + [(1, 0)] * 3 + [(0, 1)] * 11 + [(0, 0)] * 9
    found = paired.mcnemar(pairs)
    expected = contingency_tables.mcnemar([[20, 3], [11, 9]], exact=True)
    assert (found.only_control, found.only_treatment) == (3, 11)
    assert found.p_value == close(expected.pvalue)
    assert paired.mcnemar([(1, 1), (0, 0)]).p_value == 1.0
    with pytest.raises(ValueError, match="0 or 1"):
        paired.mcnemar([(0.5, 1)])


def test_a_judge_is_corrected_by_hand() -> None:
    # 70 % judged good; of good answers 90 % are seen, of bad ones 80 %: (0.7 - 0.2) / 0.7.
    found = corrected_rate(700, 1000, Confusion(90, 10, 80, 20))
    assert found is not None
    assert found.value == close(5 / 7)
    assert found.degrees == 99
    perfect = corrected_rate(700, 1000, Confusion(100, 0, 100, 0))
    assert perfect is not None
    assert (perfect.value, perfect.variance) == (close(0.7), close(0.21 / 1000))
    assert corrected_rate(700, 1000, Confusion(50, 50, 50, 50)) is None
    assert corrected_rate(700, 1000, Confusion(0, 0, 80, 20)) is None
    with pytest.raises(ValueError, match="not a rate"):
        corrected_rate(3, 2, Confusion(1, 1, 1, 1))
    with pytest.raises(ValueError, match="negative"):
        Confusion(1, 1, 1, -1)


def test_a_corrected_rate_covers_the_truth() -> None:
    rng = np.random.default_rng(9)
    covered, runs, truth = 0, 2000, 0.6
    for _ in range(runs):
        good = rng.binomial(2000, truth)
        positives = rng.binomial(good, 0.9) + rng.binomial(2000 - good, 0.25)
        tp, tn = rng.binomial(200, 0.9), rng.binomial(200, 0.75)
        found = corrected_rate(int(positives), 2000, Confusion(tp, 200 - tp, tn, 200 - tn))
        assert found is not None
        covered += abs(found.value - truth) < 1.96 * math.sqrt(found.variance)
    assert covered / runs == pytest.approx(0.95, abs=0.02)


def test_quantiles_are_nearest_ranks() -> None:
    ordered = [float(x) for x in range(1, 21)]
    assert quantiles.nearest_rank(ordered, 0.95) == 19
    assert quantiles.nearest_rank(ordered, 0.951) == 20
    assert quantiles.nearest_rank(ordered, 0.0) == 1
    assert quantiles.quantile_test(ordered, 10.0, 0.5) == 1.0


def test_a_bound_that_is_not_observed_is_none() -> None:
    sums = Sums.of_units([(1, 2, 0, 0), (2, 2, 0, 0), (2, 3, 0, 0)])
    assert quantiles.estimate_by_ranks(quantiles.QuantileSums(sums, 5.0, 4.0, None)) is None
    found = quantiles.estimate_by_ranks(quantiles.QuantileSums(sums, 5.0, 4.0, 7.0))
    assert found is not None
    assert math.sqrt(found.variance) == close(3 / (2 * 1.959963984540054))
    error = quantiles.share_error(sums)
    # Shares 5/7: residuals 1 - 10/7, 2 - 10/7, 2 - 15/7, over a mean of 7/3 events.
    residuals = [1 - 10 / 7, 2 - 10 / 7, 2 - 15 / 7]
    expected = math.sqrt(sum(x * x for x in residuals) / 2 / 3) / (7 / 3)
    assert error == close(expected)


def test_the_bootstrap_resamples_clusters() -> None:
    rng = np.random.default_rng(10)
    speed = rng.normal(0, 1, 60)
    units = np.repeat(np.arange(60), 30)
    values = np.exp(speed[units] + rng.normal(0, 0.2, 1800))
    names = [f"u{unit}" for unit in units]
    clustered = quantiles.bootstrap_estimate(names, list(values), 0.5, draws=500)
    alone = quantiles.bootstrap_estimate(
        [str(i) for i in range(1800)], list(values), 0.5, draws=500
    )
    assert clustered is not None
    assert alone is not None
    assert clustered.value == alone.value == quantiles.nearest_rank(np.sort(values), 0.5)
    # 30 calls of a user are hardly more than one: about √30 times the error of independent calls.
    assert 3 < math.sqrt(clustered.variance / alone.variance) < 8
    assert quantiles.bootstrap_estimate(["a", "a"], [1.0, 2.0], 0.5) is None


def test_what_looks_too_good_is_flagged() -> None:
    far = compare(Estimate(1, 1e-4, 1e4, 10**4), Estimate(2, 1e-4, 1e4, 10**4))
    near = compare(Estimate(1, 1e-2, 1e4, 10**4), Estimate(1.1, 1e-2, 1e4, 10**4))
    assert is_too_good(far)
    assert not is_too_good(near)
    assert is_one_unit(100.0, 51.0)
    assert not is_one_unit(100.0, 50.0)
    assert not is_one_unit(0.0, 0.0)
    assert is_at_maximum(30_000.0, 30_000.0)
    assert not is_at_maximum(29_999.0, 30_000.0)
