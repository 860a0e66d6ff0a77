"""Alert rules: thresholds from history, and planted incidents that each has to find."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from llm_analytics.alerts.baseline import propose
from llm_analytics.alerts.replay import Known, read_known, replay
from llm_analytics.alerts.windows import Raised, Window
from llm_analytics.errors import LlmAnalyticsError
from support.project import DbtProject

START = datetime(2025, 1, 1)
HOUR = timedelta(hours=1)


def window(hour: int, value: float, **given: object) -> Window:
    """A window of a static rule that fires above 0.5, unless told otherwise."""
    plain = Window(
        rule="slow", value=None, method="static", direction="above", noise="none", threshold=0.5,
        started_at=START + hour * HOUR, ended_at=START + (hour + 1) * HOUR,
        metric_value=value, baseline=None, limit=0.5, is_firing=value > 0.5,
    )  # fmt: skip
    return changed(plain, **given)  # type: ignore[arg-type]


def raised(hour: int, hours: int = 1, rule: str = "slow") -> Raised:
    return Raised(rule, None, START + hour * HOUR, START + (hour + hours) * HOUR)


def known(hour: int, hours: int, rule: str = "slow") -> Known:
    return Known(f"at {hour}", rule, START + hour * HOUR, START + (hour + hours) * HOUR)


def test_a_threshold_is_the_tightest_that_history_keeps_quiet_at() -> None:
    # 30 days of hours: no firing is a third of the one that 90 days may have.
    windows = [window(hour, 0.1 + 0.0001 * hour) for hour in range(720)]
    (proposal,) = propose(windows, 1)
    assert (proposal.n_windows, proposal.days, proposal.n_firings) == (720, 30.0, 0)
    assert proposal.proposed == 0.18  # the largest is 0.1719, and 0.17 would fire
    # Six in 90 days are two in these: the third largest, 0.1717, may not fire.
    windows[-1], windows[-2] = window(719, 0.9), window(718, 0.8)
    assert propose(windows, 1)[0].proposed == 0.9
    assert propose(windows, 6)[0].proposed == 0.18
    assert propose(windows[:27], 1)[0].proposed is None


def test_an_allowance_for_chance_grows_with_the_threshold() -> None:
    # 0.35 is half the limit of its small window, so the threshold can be half of 0.5.
    windows = [window(hour, 0.35, limit=0.7, is_firing=False) for hour in range(100)]
    assert propose(windows, 0)[0].proposed == 0.25
    below = [window(hour, 0.9, direction="below", threshold=0.8, limit=0.75) for hour in range(100)]
    assert propose(below, 0)[0].proposed == 0.96


def test_a_robust_rule_gets_spreads() -> None:
    robust = {"method": "robust", "threshold": 4.0, "baseline": 1.0, "limit": 3.0}
    # Halfway to the limit of four spreads are two; what is below the median says nothing.
    windows = [window(hour, 2.0, **robust) for hour in range(50)]
    windows += [window(50 + hour, 0.5, **robust) for hour in range(50)]
    assert propose(windows, 0)[0].proposed == 2.0
    # Of a mean the scale is of ratios: 2 is half the way from 1 to 4.
    ratio = robust | {"noise": "mean", "limit": 4.0}
    assert propose([window(hour, 2.0, **ratio) for hour in range(50)], 0)[0].proposed == 2.0
    with pytest.raises(ValueError, match="negative"):
        propose(windows, -1)


def test_a_rule_has_to_fire_within_two_windows_of_an_incident() -> None:
    values = [0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9, 0.1, 0.9]
    windows = [window(hour, value) for hour, value in enumerate(values)]
    windows.append(window(5, 0.9, rule="other"))
    incidents = [raised(3), raised(7), raised(9), raised(5, rule="other")]
    # The first fires in its second window, the second in its third, the third never.
    result = replay(windows, incidents, [known(2, 3), known(5, 3), known(8, 1)])
    assert [each.fired_at_window for each in result.findings] == [2, 3, None]
    assert (result.n_found, result.recall) == (1, 1 / 3)
    # What is raised at 9 is during none; that of another rule at 5 is.
    assert [each.opened_at.hour for each in result.false_alarms] == [9]
    assert result.precision == 0.75
    assert replay(windows, incidents, [known(5, 3)], within=3).recall == 1
    nothing = replay(windows, [], [])
    assert (nothing.recall, nothing.precision) == (None, None)


def test_known_incidents_are_read_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    given = {
        "name": "a",
        "rule": "slow",
        "start": "2025-01-01T02:00:00+02:00",
        "end": "2025-01-01T05:00",
    }
    path.write_text(json.dumps([given]))
    assert read_known(path) == [Known("a", "slow", START, START + 5 * HOUR)]
    path.write_text(json.dumps({"incidents": [given | {"end": "2024-12-31T00:00Z"}]}))
    with pytest.raises(LlmAnalyticsError, match="a ends before it starts"):
        read_known(path)
    path.write_text('[{"name": "a"}]')
    with pytest.raises(LlmAnalyticsError, match="not a list of incidents"):
        read_known(path)
    with pytest.raises(LlmAnalyticsError, match="No such file"):
        read_known(tmp_path / "none.json")


def build(project: DbtProject, folder: Path, *arguments: str) -> None:
    """A quarter of a modest product, and what the rules make of it."""
    simulated = ("--users", "400", "--days", "90", *arguments)
    project.command("simulate", "--out", folder, *simulated)
    project.load(*sorted(folder.glob("*.jsonl")))
    without = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    project.dbt("build", "--select", "+incidents", *without)


@pytest.mark.long
def test_each_planted_incident_fires_its_own_rule_within_two_windows(
    make_project: Callable[[Path], DbtProject], tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    build(project, tmp_path / "events", "--seed", "7")
    truth = tmp_path / "events" / "truth.json"
    assert json.loads(truth.read_text())["incidents_without_a_day"] == []
    result = json.loads(project.command("alert", "replay", truth, "--json").stdout)
    missed = [each for each in result["known"] if not each["is_found"]]
    assert (len(result["known"]), missed) == (9, [])
    assert result["recall"] == 1
    # What one raises beside its own rule is during it: an outage is an error too.
    assert len(result["false_alarms"]) <= 1
    command = ("alert", "baseline", "--without", truth, "--json")
    proposals = {each["rule"]: each for each in json.loads(project.command(*command).stdout)}
    assert proposals.keys() >= {each["rule"] for each in result["known"]}
    # Without its incident no rule fired, so that each could be tighter.
    assert sum(each["n_firings"] for each in proposals.values()) <= 1
    assert 1 < proposals["error_rate"]["proposed"] <= 4


@pytest.mark.long
def test_a_clean_quarter_fires_at_most_once(
    make_project: Callable[[Path], DbtProject], tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    build(project, tmp_path / "events", "--seed", "11", "--no-incidents")
    assert project.query("select count(*) from marts.alert_windows")[0][0] > 5000
    assert len(project.query("select * from marts.incidents")) <= 1
