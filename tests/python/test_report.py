"""The report of a week: what it calls a change, what it refuses to, and that names stay data."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.reporting import markdown, page
from llm_analytics.reporting.contents import (
    Period,
    Report,
    Verdict,
    first_date,
    read_report,
)
from support.project import DbtProject

MONDAY = date(2025, 3, 3)
EVIL = '<script>alert("x")</script>|[a](b)'
#: A day of a metric: its date, numerator and denominator.
Day = tuple[date, float, float | None]
Fill = Callable[..., None]


@pytest.fixture
def marts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Fill the marts that a report reads: daily values, and their weeks by a sum."""
    file = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))

    def fill(metrics: dict[str, list[Day]], complete_until: date = date(2030, 1, 1)) -> None:
        with duckdb.connect(str(file)) as database:
            database.execute("create schema if not exists marts")
            database.execute(
                "create or replace table marts.metrics_daily (metric varchar, date_day date,"
                " dimension varchar, numerator decimal(38, 12), denominator decimal(38, 12))"
            )
            rows = [
                [metric, day, "all", numerator, denominator]
                for metric, days in metrics.items()
                for day, numerator, denominator in days
            ]
            database.executemany("insert into marts.metrics_daily values (?, ?, ?, ?, ?)", rows)
            database.execute(
                "create or replace table marts.metrics_by_period as select 'week' as period,"
                " cast(date_trunc('week', date_day) as date) as period_start_date,"
                " cast(date_trunc('week', date_day) + interval 6 days as date) as period_end_date,"
                " metric, dimension, null::varchar as value, sum(numerator) as numerator,"
                " case when metric = 'active_users' then count(*) else sum(denominator) end"
                " as denominator,"
                " cast(sum(numerator) as double) / coalesce(case when metric = 'active_users'"
                " then count(*) else sum(denominator) end, 1) as metric_value,"
                " max(date_day) <= ? as is_complete"
                " from marts.metrics_daily"
                " group by period_start_date, period_end_date, metric, dimension",
                [complete_until],
            )
            database.execute(
                "insert into marts.metrics_by_period select period, period_start_date,"
                " period_end_date, 'model_cost', 'model', ?, 3, null, 3.0, is_complete"
                " from marts.metrics_by_period where metric = 'queries'",
                [EVIL],
            )
            for name, columns in {
                "incidents": "'errors' as rule, 'error_rate' as metric, $1 as value,"
                " 'critical' as severity, 1::bigint as n_firings,"
                " timestamp '2025-03-11' as opened_at, timestamp '2025-03-12' as last_seen_at,"
                " null::timestamp as resolved_at",
                "alert_events": "'errors' as rule, $1 as value, 0.5 as metric_value,"
                " 0.1 as alert_limit, null::double as baseline, 'Look' as runbook,"
                " timestamp '2025-03-12' as window_ended_at",
                "experiment_results": "$1 as experiment_id, 'b' as variant, 'revenue' as metric,"
                " 'primary' as metric_role, null::varchar as segment_name, true as is_newest,"
                " 'ship' as decision, 0.1::decimal(24, 12) as lift, 0.05::decimal(24, 12)"
                " as lift_low, 0.15::decimal(24, 12) as lift_high,"
                " timestamp '2025-03-12' as read_until",
                "pain_points": "1::bigint as position, 'slow' as end_state, $1 as feature,"
                " 9::bigint as n_users, 4::bigint as n_lost_goals",
                "cost_opportunities": "1::bigint as position, 'waste' as kind, $1 as model,"
                " 'failed' as detail, 2::decimal(38, 12) as cost_usd,"
                " 1.5::decimal(38, 12) as saving_usd",
                "metric_computability": "$1 as missing, 'nps' as metric, false as is_computable",
            }.items():
                database.execute(
                    f"create or replace table marts.{name} as select {columns}", [EVIL]
                )

    return fill


def days(n: int, value: Callable[[int], float], of: float | None = None) -> list[Day]:
    """So many days from a Monday on."""
    return [(MONDAY + timedelta(days=day), value(day), of) for day in range(n)]


def change(report: Report, metric: str) -> Any:
    (found,) = (each for each in report.changes if each.shown.metric == metric)
    return found


def test_a_change_beyond_what_days_differ_is_called_one(marts: Fill) -> None:
    marts(
        {
            "queries": days(14, lambda day: 100 + day % 7),
            # 10 % and a little, then 20 % and a little: worse, for it counts failures.
            "error_rate": days(14, lambda day: (10 if day < 7 else 20) + day % 2, 100),
            "thumbs_ratio": days(14, lambda day: (50 if day < 7 else 60) + day % 2, 100),
            "model_cost": days(14, lambda day: (5 if day < 7 else 4) + day % 2 / 10),
            "refinement_rate": days(14, lambda day: 10 + 9 * (day % 2), 100),
            # No revenue on six days of each week: not a mean of the one day that has some.
            "revenue": [(MONDAY, 700, None), (MONDAY + timedelta(days=7), 770, None)],
        }
    )
    report = read_report(Period.WEEK)
    assert (report.start, report.end, report.is_complete) == (
        date(2025, 3, 10), date(2025, 3, 16), True,
    )  # fmt: skip
    verdicts = {each.shown.metric: each.verdict for each in report.changes}
    assert verdicts == {
        "queries": Verdict.UNCLEAR,
        "error_rate": Verdict.WORSE,
        "thumbs_ratio": Verdict.BETTER,
        "model_cost": Verdict.LOWER,
        "refinement_rate": Verdict.UNCLEAR,
        "revenue": Verdict.UNCLEAR,
    }
    errors = change(report, "error_rate")
    # By hand: 73 of 700 and 144 of 700, from days of 10 or 11 and of 20 or 21 per cent.
    assert errors.value == pytest.approx(144 / 700)
    assert errors.comparison.difference == pytest.approx(71 / 700)
    # The variance of each mean of seven days with a share of 3 or 4 odd ones is 12/42/49 points².
    assert errors.comparison.error == pytest.approx((2 * 12 / 42 / 7) ** 0.5 / 100)
    assert change(report, "revenue").comparison.difference == pytest.approx(10)
    assert [each.what.partition(":")[0] for each in report.actions] == [
        f"Close the incident errors ({EVIL})",
        "Find out why this became worse",
        f"Follow the decision on {EVIL}",
        f"Read conversations of {EVIL} that ended slow",
        "Look at the largest saving",
        "Log what is missing",
    ]


def test_the_value_of_the_mart_is_the_value_that_is_compared(marts: Fill) -> None:
    marts(
        {
            "queries": days(14, lambda day: 10 + day),
            "active_users": days(14, lambda day: 4 + day),
            "error_rate": [
                (MONDAY + timedelta(days=day), day, 10 * day + 1 if day % 3 else 0)
                for day in range(14)
            ],
            "weekly_active_users": [(MONDAY + timedelta(days=6), 9, None)],
        }
    )
    report = read_report(Period.WEEK)
    assert (
        change(report, "queries").comparison.treatment.value * 7 == change(report, "queries").value
    )
    active = change(report, "active_users")
    assert active.comparison.treatment.value == active.value == 14.0


def test_of_two_weeks_alike_few_seem_to_differ(marts: Fill) -> None:
    chance = random.Random(7)  # noqa: S311
    names = ["error_rate", "thumbs_ratio", "abandonment_rate", "complaint_rate", "availability"]
    # 40 weeks of 5 metrics whose days differ by chance alone, on working days and at weekends.
    metrics: dict[str, list[Day]] = {"queries": days(280, lambda day: 100)}
    for name in names:
        metrics[name] = days(
            280, lambda day: 30 + 5 * (day % 7 > 4) + round(chance.gauss(0, 4), 6), 100
        )
    marts(metrics)
    called, outside, n_compared = 0, 0, 0
    for week in range(1, 40, 2):
        report = read_report(Period.WEEK, MONDAY + timedelta(weeks=week))
        for name in names:
            found = change(report, name)
            called += found.verdict is not Verdict.UNCLEAR
            outside += not found.comparison.difference_low < 0 < found.comparison.difference_high
            n_compared += 1
    # Intervals of 95 % miss 5 of 100; weekends make them wider. Four standard errors above that.
    assert (n_compared, outside <= 13) == (100, True)
    assert called <= 5


def test_an_unfinished_period_is_not_reported_as_complete(
    marts: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {
        "queries": days(17, lambda day: 1 + day),
        "error_rate": days(17, lambda day: day, 100),
    }
    marts(metrics, complete_until=date(2025, 3, 16))
    assert read_report(Period.WEEK).start == date(2025, 3, 10)
    report = read_report(Period.WEEK, date(2025, 3, 19))
    assert (report.start, report.is_complete) == (date(2025, 3, 17), False)
    assert {each.verdict for each in report.changes} == {Verdict.UNFINISHED}
    assert all(each.comparison is None for each in report.changes)
    for text in (markdown.render(report), page.render(report)):
        assert "unfinished" in text
        assert "This period is not over" in text
    assert main(["report", "--day", "2024-01-01"]) == 1
    assert "no events in the week of 2024-01-01" in capsys.readouterr().err
    marts(metrics, complete_until=date(2025, 3, 1))
    assert main(["report"]) == 1
    assert "no week is complete yet; `--day 2025-03-17` shows" in capsys.readouterr().err
    marts({"error_rate": metrics["error_rate"]})
    assert main(["report"]) == 1
    assert "there are no events to report on" in capsys.readouterr().err


def test_the_marts_have_the_columns_that_a_report_reads(
    marts: Fill, tmp_path: Path, make_project: Callable[[Path], DbtProject]
) -> None:
    """The tables made up here say what the contracts of the marts say."""
    marts({"queries": days(7, lambda day: 1)})
    models = {node.name: node for node in make_project(tmp_path).manifest().nodes.values()}
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as database:
        made_up = database.execute(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'marts'"
        ).fetchall()
    assert len({table for table, _ in made_up}) == 8
    unknown = [(table, name) for table, name in made_up if name not in models[table].columns]
    assert unknown == []


def test_the_first_period_has_nothing_to_compare_with(marts: Fill) -> None:
    marts({"queries": days(7, lambda day: 1 + day)})
    (found,) = read_report(Period.WEEK).changes
    assert (found.verdict, found.before, found.value) == (Verdict.NEW, None, 28.0)


def test_names_of_the_data_are_no_markup(marts: Fill, tmp_path: Path) -> None:
    marts({"queries": days(14, lambda day: 1 + day)})
    assert main(["report", "--out", str(tmp_path / "out")]) == 0
    html = (tmp_path / "out" / "report-week-2025-03-10.html").read_text()
    assert "<script" not in html
    # In the tables of the six marts, and in five of the actions.
    assert html.count("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;|[a](b)") == 11
    assert "http" not in html
    text = (tmp_path / "out" / "report-week-2025-03-10.md").read_text()
    assert "<script" not in text.replace("\\<", "")
    assert "[a]" not in text.replace("\\[", "").replace("\\]", "")
    (row,) = (line for line in text.splitlines() if line.startswith("| waste"))
    assert len(row.replace("\\|", "").strip("|").split("|")) == 4


def test_a_report_is_printed_pictured_and_sent(
    marts: Fill,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marts({"queries": days(14, lambda day: 1 + day)})
    assert main(["report"]) == 0
    assert capsys.readouterr().out.startswith("# Week of 2025-03-10 to 2025-03-16\n")
    assert main(["report", "--png"]) == 2
    assert "--out" in capsys.readouterr().err
    monkeypatch.setenv("LLM_ANALYTICS_NOTIFY", "json://127.0.0.1:9/")  # nobody listens
    assert main(["report", "--send"]) == 1
    assert "the report was not taken by json" in capsys.readouterr().err
    try:
        page.screenshot("<p>x</p>", tmp_path / "probe.png")
    except LlmAnalyticsError as error:
        pytest.skip(str(error))
    assert main(["report", "--out", str(tmp_path), "--png"]) == 0
    picture = (tmp_path / "report-week-2025-03-10.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert (width, height > 800) == (960, True)


@pytest.mark.parametrize(
    ("period", "day", "first"),
    [
        (Period.WEEK, date(2025, 3, 9), date(2025, 3, 3)),
        (Period.WEEK, date(2025, 1, 1), date(2024, 12, 30)),
        (Period.MONTH, date(2025, 2, 28), date(2025, 2, 1)),
    ],
)
def test_a_week_begins_on_monday_and_a_month_on_its_first(
    period: Period, day: date, first: date
) -> None:
    assert first_date(period, day) == first
