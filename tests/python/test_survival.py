"""Survival against another implementation, and how long users stay against what is planted."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.statistics.survival import (
    Spells,
    kaplan_meier,
    log_rank,
    merged,
    spell_quantile,
    survival_at,
)
from llm_analytics.survival import Group, Until, report_survival


def made(seed: int, n: int = 80) -> tuple[list[int], list[int]]:
    """Whole times with many ties, and whether the event was seen."""
    rng = np.random.default_rng(seed)
    ends, views = rng.geometric(0.08, n), rng.geometric(0.05, n)
    return np.minimum(ends, views).tolist(), (ends <= views).astype(int).tolist()


def spells(times: Sequence[int], seen: Sequence[int]) -> list[Spells]:
    return [Spells(time, event, 1 - event) for time, event in zip(times, seen, strict=True)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_curve_and_its_error_are_those_of_statsmodels(seed: int) -> None:
    times, seen = made(seed)
    theirs = SurvfuncRight(np.array(times), np.array(seen))
    steps = [step for step in kaplan_meier(spells(times, seen)) if step.n_events]
    assert [step.time for step in steps] == list(theirs.surv_times)
    assert [step.n_at_risk for step in steps] == list(theirs.n_risk)
    assert [step.survival for step in steps] == pytest.approx(list(theirs.surv_prob), rel=1e-12)
    known = [i for i, step in enumerate(steps) if step.survival > 0]
    for i in known:
        assert steps[i].error == pytest.approx(theirs.surv_prob_se[i], rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_median_and_its_bounds_are_those_of_statsmodels(seed: int) -> None:
    times, seen = made(seed, 200)
    theirs = SurvfuncRight(np.array(times), np.array(seen))
    ours = spell_quantile(kaplan_meier(spells(times, seen)))
    low, high = theirs.quantile_ci(0.5, method="cloglog")
    assert ours.time == theirs.quantile(0.5)
    assert (ours.low, ours.high) == (low, high)


@pytest.mark.parametrize("k", [2, 3])
def test_the_log_rank_test_is_that_of_statsmodels(k: int) -> None:
    parts = [made(seed, 60) for seed in range(k)]
    groups = {f"group {i}": spells(*part) for i, part in enumerate(parts)}
    times = np.concatenate([part[0] for part in parts])
    seen = np.concatenate([part[1] for part in parts])
    statistic, p_value = survdiff(times, seen, np.repeat(np.arange(k), 60))
    ours = log_rank(groups)
    assert ours is not None
    assert ours.degrees == k - 1
    assert ours.statistic == pytest.approx(statistic, rel=1e-9)
    assert ours.p_value == pytest.approx(p_value, rel=1e-9)


def test_a_curve_by_hand() -> None:
    # 10 start; 2 of 10 on day 1, one unseen; 1 of 7 on day 3; nothing more is seen after day 5.
    steps = kaplan_meier([Spells(3, 1, 0), Spells(1, 2, 1), Spells(5, 0, 6)])
    assert [step.survival for step in steps] == pytest.approx([0.8, 0.8 * 6 / 7, 0.8 * 6 / 7])
    assert steps[1].error == pytest.approx(0.8 * 6 / 7 * math.sqrt(2 / 80 + 1 / 42))
    before, inside = survival_at(steps, 0), survival_at(steps, 4)
    assert before is not None
    assert (before.survival, before.n_at_risk) == (1.0, 10)
    assert inside == steps[1]
    assert survival_at(steps, 6) is None
    assert spell_quantile(steps).time is None
    assert merged([Spells(1, 1, 0), Spells(1, 0, 2)]) == [Spells(1, 1, 2)]


def test_what_survival_cannot_say() -> None:
    assert kaplan_meier([]) == []
    assert survival_at([], 1) is None
    assert log_rank({"one": [Spells(1, 1, 0)]}) is None
    assert log_rank({"one": [Spells(1, 0, 3)], "other": [Spells(2, 0, 3)]}) is None
    all_gone = kaplan_meier([Spells(1, 3, 0)])
    assert (all_gone[0].survival, all_gone[0].low, all_gone[0].high) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="negative"):
        Spells(1, -1, 0)
    with pytest.raises(ValueError, match="level"):
        kaplan_meier([], 1.0)


def test_users_leave_as_planted() -> None:
    """Of users who live on with probability 0.98 a day and come on 30 % of their days."""
    stays, comes = 0.98, 0.3
    # From an active day, the next one after g <= 28 days; else the user has left there.
    gaps = [stays**g * (1 - comes) ** (g - 1) * comes for g in range(1, 29)]
    active = [1.0]
    for day in range(1, 121):
        active.append(sum(active[day - g] * gaps[g - 1] for g in range(1, min(day, 28) + 1)))
    left = [chance * (1 - sum(gaps)) for chance in active]
    rng, n = np.random.default_rng(3), 4000
    rows: list[dict[str, Any]] = []
    for _ in range(n):
        view = int(rng.integers(30, 121))
        alive = 1 + np.cumprod(rng.random(view + 28) < stays).sum()
        days = [0, *(np.nonzero(rng.random(alive - 1) < comes)[0] + 1)]
        silent = [a for a, b in zip(days, [*days[1:], 10**6], strict=True) if b - a > 28]
        is_seen = silent[0] <= view
        rows.append(
            {"day_number": min(silent[0], view), "n_left": is_seen, "n_censored": not is_seen}
        )
    report = report_survival(rows, Until.LEFT, Group.NONE, level=0.9999)
    for day in (0, 7, 30, 60, 100):
        step = survival_at(report.curves[0].steps, day)
        assert step is not None
        assert step.low < 1 - sum(left[: day + 1]) < step.high, day


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as database:
        database.execute("create schema marts")
        database.execute(
            "create table marts.survival_by_day as select * from (values"
            " ('2025-01-01', 'pro', 'de', 0, 5, 0), ('2025-01-01', 'pro', 'de', 40, 1, 9),"
            " ('2025-02-01', null, 'de', 3, 9, 0), ('2025-02-01', null, 'de', 9, 1, 5))"
            " as t(cohort_month_date, plan, country, day_number, n_left, n_censored)"
        )
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    assert main(["survival", "--by", "plan", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(curve["group"], curve["n_users"]) for curve in found["curves"]] == [
        ("not known", 15),
        ("pro", 15),
    ]
    assert found["curves"][1]["steps"][0]["survival"] == pytest.approx(2 / 3)
    assert found["log_rank"]["degrees"] == 1
    assert main(["survival", "--by", "cohort"]) == 0
    shown = capsys.readouterr().out
    assert "2025-02-01" in shown
    assert "log-rank" in shown
    assert main(["survival", "--until", "goal", "--by", "plan"]) == 1
    assert "known by cohort only" in capsys.readouterr().err
    with pytest.raises(LlmAnalyticsError, match="between 0 and 1"):
        report_survival([], Until.LEFT, Group.NONE, level=0.0)
