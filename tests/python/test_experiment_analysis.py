"""From rows of the marts to a report: which test is chosen, what is warned of, what is decided."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments import reading
from llm_analytics.experiments.analysis import Finding, Marts, Method, Options, Report, analyse
from llm_analytics.experiments.decision import Decision
from llm_analytics.experiments.offline import compare_file
from llm_analytics.experiments.plot import forest_plot
from llm_analytics.experiments.rendering import as_json
from llm_analytics.warehouse import Warehouse
from support.experiments import EXPERIMENT, arm_row, assigned, both, marts, means, shares


def only(report: Report) -> Finding:
    (found,) = report.findings
    return found


WIN = both("primary_metric", means(1, 1000, 100), means(2, 1000, 102))
GUARD = {"metric_role": "guardrail", "margin": 0.05, "margin_kind": "relative"}


def test_a_win_with_guardrails_that_hold_is_shipped() -> None:
    guard = both("guard", means(3, 1000, 100), means(4, 1000, 100), **GUARD)
    report = analyse(marts(*WIN, *guard), Options())
    assert report.decision is Decision.SHIP
    assert [one.verdict for one in report.findings] == ["no worse", "better"]
    assert report.warnings == []


@pytest.mark.parametrize(("mean", "is_equivalent"), [(100, True), (110, False)])
def test_a_margin_is_asked_both_ways(mean: float, is_equivalent: bool) -> None:
    guard = both("guard", means(3, 1000, 100), means(4, 1000, mean), **GUARD)
    found = as_json(analyse(marts(*WIN, *guard), Options()))["findings"]
    ((non_inferior, equivalent),) = [
        (one["is_non_inferior"], one["is_equivalent"]) for one in found if one["metric"] == "guard"
    ]
    assert (non_inferior, equivalent) == (True, is_equivalent)


def test_a_win_that_harms_a_guardrail_is_not() -> None:
    guard = both("guard", means(3, 1000, 100), means(4, 1000, 90), **GUARD)
    assert analyse(marts(*WIN, *guard), Options()).decision is Decision.DO_NOT_SHIP


def test_a_guardrail_without_data_is_no_guardrail_that_holds() -> None:
    guard = [arm_row("guard", "control", means(3, 1000, 100), **GUARD)]
    report = analyse(marts(*WIN, *guard), Options())
    assert report.decision is Decision.KEEP_RUNNING
    assert any("guard is a guardrail" in text for text in report.warnings)


def test_less_is_better_where_the_metric_says_so() -> None:
    rows = both("cost", means(1, 1000, 102), means(2, 1000, 100), is_higher_better=False)
    assert analyse(marts(*rows), Options()).decision is Decision.SHIP
    rows = both("cost", means(1, 1000, 100), means(2, 1000, 102), is_higher_better=False)
    assert analyse(marts(*rows), Options()).decision is Decision.DO_NOT_SHIP


def test_a_primary_with_a_margin_has_to_be_no_worse() -> None:
    given = {"margin": 0.03, "margin_kind": "relative"}
    rows = both("quality", means(1, 1000, 100), means(2, 1000, 99), **given)
    assert analyse(marts(*rows), Options()).decision is Decision.SHIP
    rows = both("quality", means(1, 1000, 100), means(2, 1000, 96), **given)
    assert analyse(marts(*rows), Options()).decision is Decision.DO_NOT_SHIP


def test_a_broken_sample_ratio_hides_every_figure() -> None:
    broken = replace(
        marts(*WIN), assignment=[assigned("control", 1000), assigned("treatment", 800)]
    )
    report = analyse(broken, Options())
    assert report.decision is Decision.BROKEN
    assert as_json(report)["findings"] == []
    assert "things" not in forest_plot(report)


def test_an_effect_that_would_have_been_seen_is_given_up_and_else_waited_for() -> None:
    rows = both("m", WIN_UNITS, WIN_UNITS)
    assert analyse(marts(*rows, minimum_effect=0.05), Options()).decision is Decision.DO_NOT_SHIP
    report = analyse(marts(*rows, minimum_effect=0.005), Options())
    assert report.decision is Decision.KEEP_RUNNING
    assert any("power" in text for text in report.warnings)
    report = analyse(marts(*rows, minimum_effect=None), Options())
    assert report.decision is Decision.KEEP_RUNNING
    assert any("no minimum effect" in text for text in report.warnings)


def test_a_fixed_horizon_waits_for_every_window_and_for_the_planned_units() -> None:
    rows = [{**row, "n_immature": 5} for row in WIN]
    report = analyse(marts(*rows), Options())
    assert report.decision is Decision.KEEP_RUNNING
    assert any("inside their window" in text for text in report.warnings)
    assert analyse(marts(*rows, planned_units=1500), Options()).decision is Decision.SHIP
    assert analyse(marts(*rows, planned_units=2001), Options()).decision is Decision.KEEP_RUNNING


def test_looking_early_needs_more_evidence_and_may_decide_before_the_end() -> None:
    given = {"planned_units": 4000, "planned_looks": "0.25;0.5;1"}
    methods: tuple[Method, ...] = ("fixed", "sequential", "group-sequential")
    fixed, always, planned = (
        analyse(marts(*WIN, **given), Options(method=method)) for method in methods
    )
    limits = [only(report).comparison.critical for report in (fixed, planned, always)]
    assert limits == sorted(limits)
    assert limits[1] == pytest.approx(2.9631, abs=2e-4)
    assert fixed.decision is Decision.KEEP_RUNNING
    assert planned.decision is always.decision is Decision.SHIP
    assert only(always).p_value > only(fixed).p_value
    with pytest.raises(LlmAnalyticsError, match="plans no looks"):
        analyse(marts(*WIN), Options(method="group-sequential"))


def test_bayes_gives_the_chance_to_be_better() -> None:
    report = analyse(marts(*WIN), Options(method="bayes"))
    assert report.decision is Decision.SHIP
    assert only(report).posterior is not None


def test_the_test_follows_from_the_sums() -> None:
    ratio = [(x[0], 2, 0, 0) if i % 2 else (x[0], 1, 0, 0) for i, x in enumerate(WIN_UNITS)]
    past = [(x[0], 1, x[0] + i % 3, 1) for i, x in enumerate(WIN_UNITS)]
    for control, test in (
        (WIN_UNITS, "Welch's t"),
        (shares(100, 1000), "score test"),
        (ratio, "delta method"),
        (past, "CUPED"),
    ):
        found = only(analyse(marts(*both("m", control, control)), Options()))
        assert found.test == test
        assert found.comparison.difference == 0
    found = only(analyse(marts(*both("m", past, past)), Options(use_cuped=False)))
    assert found.test == "Welch's t"
    # Of few units the past is noise.
    found = only(analyse(marts(*both("m", past[:99], past[:99])), Options()))
    assert found.test == "Welch's t"


WIN_UNITS = means(1, 1000, 100)


def test_phases_are_estimated_apart() -> None:
    phases = {"fri": ((20000, 990000), (230, 10000)), "sat": ((5000, 500000), (6000, 500000))}
    rows = []
    for phase, arms in phases.items():
        for variant, (successes, n) in zip(("control", "treatment"), arms, strict=True):
            row = arm_row("m", variant, shares(1, 2), allocation_phase=phase)
            row |= {"n_units": n, "sum_den": n, "sum_den_den": n}
            row |= dict.fromkeys(("sum_num", "sum_num_num", "sum_num_den"), successes)
            rows.append(row)
    assignment = [
        assigned("control", 990000, 99, "fri"), assigned("treatment", 10000, 1, "fri"),
        assigned("control", 500000, 1, "sat"), assigned("treatment", 500000, 1, "sat"),
    ]  # fmt: skip
    report = analyse(replace(marts(*rows), assignment=assignment), Options())
    assert not report.sample_ratio.is_mismatch
    assert only(report).comparison.difference == pytest.approx(0.0024, abs=1e-4)
    assert any("allocation changed" in text for text in report.warnings)
    # One phase that does not match its own plan is enough.
    assignment[0] = assigned("control", 900000, 99, "fri")
    assert analyse(replace(marts(*rows), assignment=assignment), Options()).sample_ratio.is_mismatch


def test_p_values_are_adjusted_by_their_role() -> None:
    rows = []
    for role, name in (("primary", "p1"), ("primary", "p2"), ("secondary", "s1")):
        rows += both(name, means(5, 500, 100), means(6, 500, 101), metric_role=role)
    found = {one.metric: one for one in analyse(marts(*rows), Options()).findings}
    assert found["p1"].p_adjusted == pytest.approx(min(1, 2 * found["p1"].p_value))
    assert found["s1"].p_adjusted == found["s1"].p_value


def test_segments_are_asked_whether_they_differ_at_all() -> None:
    rows = [*WIN]
    for segment, mean in (("web", 104), ("ios", 100)):
        given = {"segment_name": "platform", "segment": segment}
        rows += both("primary_metric", means(7, 500, 100), means(8, 500, mean), **given)
    report = analyse(marts(*rows), Options(segment="platform"))
    assert [one.segment for one in report.segments] == ["ios", "web"]
    assert report.heterogeneity[0].p_value < 0.05
    with pytest.raises(LlmAnalyticsError, match="platform"):
        analyse(marts(*rows), Options(segment="planet"))
    with pytest.raises(LlmAnalyticsError, match="primary_metric"):
        analyse(marts(*rows), Options(metrics=("nothing",)))


def test_what_is_odd_is_said() -> None:
    whale = [*means(1, 999, 5), (100_000, 1, 0, 0)]
    report = analyse(marts(*both("m", whale, means(2, 1000, 5)), n_crossovers=50), Options())
    assert any("more than half" in text for text in report.warnings)
    assert any("several variants" in text for text in report.warnings)
    far = both("m", means(1, 1000, 100), means(2, 1000, 120))
    assert any("Twyman" in text for text in analyse(marts(*far), Options()).warnings)
    undeclared = analyse(marts(*WIN, is_declared=False), Options())
    assert any("not declared" in text for text in undeclared.warnings)
    near_zero = both("m", means(1, 100, 0), means(2, 100, 0))
    near_zero[0]["sum_num"] = 1
    assert any("no bounds" in text for text in analyse(marts(*near_zero), Options()).warnings)


def quantile_row(variant: str, value: int, **given: Any) -> dict[str, Any]:
    return {
        "metric": "latency_p95", "variant": variant, "allocation_phase": "all",
        "metric_role": "secondary", "margin_kind": None, "margin": None, "unit": "milliseconds",
        "quantile_percent": 95, "n_units": 400, "n_rows": 4000, "num_scale": 1,
        "quantile_value": value, "low_value": value - 98, "high_value": value + 98,
        "max_value": value * 3, "sum_num": 3800, "sum_den": 4000, "sum_num_num": 36200,
        "sum_num_den": 38100, "sum_den_den": 41000, "is_higher_better": False, **given,
    }  # fmt: skip


def test_quantiles_are_compared_by_their_ranks_or_resampled() -> None:
    rows = [quantile_row("control", 5000), quantile_row("treatment", 5000 + 196)]
    found = analyse(replace(marts(), quantile_stats=rows), Options()).findings[0]
    assert found.test == "clustered ranks"
    # Each has a standard error of 98 / 1.96 = 50: T = 196 / √5000 = 2.77.
    assert found.comparison.statistic == pytest.approx(196 / math.sqrt(5000), rel=1e-4)
    assert found.verdict == "worse"
    rng = np.random.default_rng(1)
    small = [
        {"metric": "latency_p95", "variant": variant, "unit_id": f"u{i % 50}", "value": value}
        for variant in ("control", "treatment")
        for i, value in enumerate(rng.integers(100, 6000, 500).tolist())
    ]
    few = [{**row, "n_units": 50} for row in rows]
    report = analyse(replace(marts(), quantile_stats=few, quantile_values=small), Options())
    assert report.findings[0].test == "cluster bootstrap"
    unseen = [{**row, "high_value": None} for row in rows]
    report = analyse(replace(marts(), quantile_stats=unseen), Options())
    assert report.findings == []
    assert any("too few values" in text for text in report.warnings)
    capped = [{**row, "max_value": row["quantile_value"]} for row in rows]
    report = analyse(replace(marts(), quantile_stats=capped), Options())
    assert any("timeout" in text for text in report.warnings)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_files_are_compared_in_each_of_their_forms(tmp_path: Path) -> None:
    pairs = write(tmp_path / "p.csv", "control,treatment\n1,2\n2,4\n3,3\n4,\n")
    found = compare_file(pairs)
    assert (found.test, found.n_skipped, found.comparison.degrees) == ("paired t", 1, 2)
    assert compare_file(pairs, is_paired=False).comparison.control.n == 4
    clustered = write(tmp_path / "c.csv", "cluster,control,treatment\na,1,0\na,1,1\nb,0,1\nc,0,0\n")
    assert compare_file(clustered).comparison.degrees == 2
    binary = write(tmp_path / "b.csv", "control,treatment\n1,0\n1,1\n0,1\n")
    assert compare_file(binary).mcnemar is not None
    units = write(tmp_path / "u.csv", "variant,value\nb,1\nb,2\ncontrol,3\ncontrol,5\n")
    assert (compare_file(units).control, compare_file(units).test) == ("control", "Welch's t")
    counts = write(tmp_path / "n.csv", "variant,units,successes\na,10,5\nb,10,9\n")
    assert compare_file(counts).comparison.difference == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n", "needs columns"),
        ("", "it has: nothing"),
        ("control,treatment\n1,two\n", "f.csv:2: 'two' is no number"),
        ("control,treatment\n1,2\n", "two pairs"),
        ("variant,value\na,1\nb,inf\n", "f.csv:3: 'inf' is no number"),
        ("variant,value\na,1\nb,1\nc,1\n", "needs two variants"),
        ("variant,value\na,1\nb,\n", "at least two values"),
        ("variant,units,successes\na,5,6\nb,1,1\n", "f.csv:2: not a proportion"),
        ("variant,units,successes\na,5,2\na,1,1\n", "twice"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LlmAnalyticsError) as error:
        compare_file(write(tmp_path / "f.csv", text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def published(shared: Path, experiment: str, metric: str) -> list[tuple[int, int]]:
    file = shared / "data/ab_tests/published_ab_counts.csv"
    if not file.is_file():
        pytest.skip(f"no published counts at {file}")
    with file.open(newline="") as handle:
        return [
            (int(row["successes"] or 0), int(row["units"]))
            for row in csv.DictReader(handle)
            if (row["experiment"], row["metric"]) == (experiment, metric)
        ]


def test_published_experiments_give_their_published_results(shared: Path, tmp_path: Path) -> None:
    def compared(experiment: str, metric: str) -> Any:
        arms = published(shared, experiment, metric)
        lines = [f"{v},{n},{x}" for v, (x, n) in zip(("control", "b"), arms, strict=True)]
        text = "\n".join(["variant,units,successes", *lines]) + "\n"
        return compare_file(write(tmp_path / "counts.csv", text)).comparison

    day_7 = compared("cookie_cats", "retention_7")
    assert (day_7.statistic, day_7.p_value) == (
        pytest.approx(-3.1644, abs=5e-5), pytest.approx(0.00155, abs=5e-6),
    )  # fmt: skip
    day_1 = compared("cookie_cats", "retention_1")
    assert (day_1.statistic, day_1.p_value) == (
        pytest.approx(-1.7841, abs=5e-5), pytest.approx(0.0744, abs=5e-5),
    )  # fmt: skip
    gross, net = (compared("udacity_free_trial", f"{name}_conversion") for name in ("gross", "net"))
    for found, expected in (
        (gross, (-0.0206, -0.0291, -0.0120)),
        (net, (-0.0049, -0.0116, 0.0019)),
    ):
        interval = (found.difference, found.difference_low, found.difference_high)
        assert interval == pytest.approx(expected, abs=6e-5)
    arms = [n for _, n in published(shared, "cookie_cats", "retention_7")]
    report = analyse(
        replace(
            marts(*WIN),
            assignment=[assigned("control", arms[0]), assigned("treatment", arms[1])],
        ),
        Options(),
    )
    assert report.sample_ratio.p_value == pytest.approx(0.0086, abs=5e-5)
    # Below 0.05, but no mismatch at the strict level that every experiment is tested at.
    assert not report.sample_ratio.is_mismatch


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[Marts], None]:
    """Let the command read these rows instead of a warehouse."""

    def tell(rows: Marts) -> None:
        monkeypatch.setattr("llm_analytics.experiments.command.read_experiment", lambda *_: rows)

    return tell


def test_the_command_says_the_decision_first(
    told: Callable[[Marts], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(marts(*WIN))
    plot = tmp_path / "forest.svg"
    assert main(["significance", "x", "--plot", str(plot)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "x: SHIP"
    assert "sample ratio holds" in out
    assert plot.read_text().startswith("<svg")
    assert "primary_metric" in plot.read_text()
    assert main(["significance", "x", "--json", "--no-cuped", "--metric", "primary_metric"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["decision"], len(found["findings"])) == ("ship", 1)


def test_the_command_reads_by_segment_and_by_every_method(
    told: Callable[[Marts], None], capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [
        {**row, "segment_name": "platform", "segment": segment}
        for segment in ("ios", "web")
        for row in WIN
    ]
    told(marts(*WIN, *parts, planned_units=4000, planned_looks="0.5;1"))
    assert main(["significance", "x", "--segment", "platform"]) == 0
    out = capsys.readouterr().out
    assert "By segment" in out
    assert "do the segments differ? Cochran's Q 0.00" in out
    for method, decision in (
        ("fixed", "keep running"), ("sequential", "ship"), ("group-sequential", "ship"),
    ):  # fmt: skip
        assert main(["significance", "x", "--method", method, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["decision"] == decision, method
    told(marts(*WIN))
    assert main(["significance", "x", "--method", "bayes"]) == 0
    assert "likely to be better" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["significance"], "name an experiment"),
        (["significance", "x", "--alpha", "2"], "alpha must be between"),
        (["significance", "x", "--plot", "a.png"], "written as .svg"),
        (["significance", "--offline", "nowhere.csv"], "cannot be read"),
        (["power", "--effect", "0.1"], "give --rate"),
        (["power", "--effect", "0.1", "--rate", "2"], "between 0 and 1"),
        (["power", "--effect", "0", "--mean", "1", "--deviation", "1"], "an effect"),
    ],
)
def test_wrong_usage_is_one_line(
    told: Callable[[Marts], None],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    told(marts(*WIN))
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_power_counts_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "--rate", "0.5", "--effect", "0.5", "--power", "0.9", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"control": 77, "treatment": 77}
    arguments = ["--mean", "1", "--deviation", "1", "--effect", "1", "--power", "0.9", "--json"]
    assert main(["power", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == {"control": 23, "treatment": 23}


def test_a_machine_gets_a_paired_file_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "p.csv", "control,treatment\n1,0\n1,1\n0,1\n0,1\n,1\n")
    assert main(["significance", "--offline", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_skipped"], found["mcnemar"]["only_treatment"]) == (1, 2)
    assert main(["significance", "--offline", str(file)]) == 0
    assert "cannot be told apart" in capsys.readouterr().out


def test_an_experiment_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.dim_experiments as select 'a' as experiment_id, 0 as n_units"
        )
    place = Warehouse(str(file))
    with pytest.raises(LlmAnalyticsError, match="no experiment b; known: a"):
        reading.read_experiment("b", place)
    with pytest.raises(LlmAnalyticsError, match="nobody was exposed"):
        reading.read_experiment("a", place)


def test_statistics_become_a_decision_in_two_seconds(warehouse: Path) -> None:
    """From the marts of an experiment with all metrics and 60 segments to its JSON, in CPU time."""
    whole = [
        row
        for place in range(20)
        for row in both(
            f"metric_{place}",
            means(place, 300, 100),
            means(place + 50, 300, 102),
            metric_role="primary" if place == 0 else "secondary",
        )
    ]
    rows = whole + [
        {**row, "segment_name": name, "segment": f"{name} {place}"}
        for name in ("platform", "plan", "country")
        for place in range(20)
        for row in whole
    ]
    quantiles = [
        {**quantile_row(variant, value), "experiment_id": "x"}
        for variant, value in (("control", 5000), ("treatment", 5100))
    ]
    assignment = [
        {**assigned(variant, 300), "experiment_id": "x"} for variant in ("control", "treatment")
    ]
    tables = {
        "dim_experiments": [{**EXPERIMENT, "read_until": None}],
        "experiment_arm_stats": rows,
        "experiment_quantile_stats": quantiles,
        "experiment_assignment_counts": assignment,
    }
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        for name, content in tables.items():
            file = warehouse.parent / f"{name}.json"
            file.write_text("\n".join(json.dumps(row) for row in content))
            connection.execute(f"create table marts.{name} as from read_json('{file}')")
    place = Warehouse(str(warehouse))
    reading.read_experiment("x", place)  # what is imported once is none of the statistics
    start = time.process_time()
    report = analyse(reading.read_experiment("x", place), Options(segment="country"))
    shown = json.dumps(as_json(report))
    assert time.process_time() - start < 2
    assert (len(report.findings), len(report.segments)) == (21, 20)
    assert "keep running" in shown or "ship" in shown
