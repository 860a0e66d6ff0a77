"""`significance --save`: what was found lands once, and the next build brings it to its mart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.analysis import Marts, Options, analyse
from llm_analytics.experiments.saving import save
from llm_analytics.warehouse import Warehouse
from support.experiments import assigned, both, marts, means
from support.project import DbtProject

UNTIL = datetime(2025, 3, 1, 12, 0, 0, 250_000)
ROWS = both("primary_metric", means(1, 1000, 100), means(2, 1000, 102))
GUARD = both(
    "guard", means(3, 1000, 100), means(4, 1000, 100),
    metric_role="guardrail", margin=0.05, margin_kind="relative",
)  # fmt: skip
READ = marts(*ROWS, *GUARD, read_until=UNTIL)


@pytest.mark.dbt
def test_a_reading_lands_once_and_reaches_its_mart(
    project: DbtProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", project.warehouse)
    monkeypatch.setattr("llm_analytics.experiments.command.read_experiment", lambda *_: READ)
    for expected in ("saved 2 new findings", "saved 0 new findings"):
        assert main(["significance", "x", "--save"]) == 0
        assert expected in capsys.readouterr().out
    # Read at another level it is another reading; without --save nothing lands.
    assert main(["significance", "x", "--save", "--metric", "guard", "--alpha", "0.01"]) == 0
    assert main(["significance", "x", "--alpha", "0.02"]) == 0
    project.dbt("run", "--select", "+experiment_results")
    found = project.records("select * from marts.experiment_results order by metric, alpha")
    assert [(row["metric"], float(row["alpha"])) for row in found] == [
        ("guard", 0.01), ("guard", 0.05), ("primary_metric", 0.05),
    ]  # fmt: skip
    report = analyse(READ, Options())
    (primary,) = (one for one in report.findings if one.role == "primary")
    row = found[2]
    assert (row["decision"], row["verdict"], row["segment"]) == ("ship", "better", "__all__")
    assert (row["n_control"], row["read_until"]) == (1000, UNTIL)
    for column, value in (
        ("difference", primary.comparison.difference),
        ("lift_low", primary.comparison.lift_low),
        ("p_adjusted", primary.p_adjusted),
    ):
        assert float(row[column]) == pytest.approx(value, abs=1e-12), column
    assert (row["margin"], row["is_non_inferior"]) == (None, None)
    assert (float(found[1]["margin"]), found[1]["is_non_inferior"]) == (0.05, True)


def landed(file: Path, read: Marts, options: Options | None = None) -> list[tuple[object, ...]]:
    save(analyse(read, options or Options()), Warehouse(str(file)))
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(
            "select metric, segment_name, segment, decision, p_value, lift_low, verdict"
            " from raw.events_experiment_results order by all"
        ).fetchall()


def test_what_must_not_be_read_lands_without_figures(warehouse: Path) -> None:
    broken = replace(READ, assignment=[assigned("control", 1000), assigned("treatment", 800)])
    assert {row[3:] for row in landed(warehouse, broken)} == {
        ("broken: do not read", None, None, None)
    }


def test_a_tiny_p_lands_above_zero_and_segments_land_beside_the_whole(warehouse: Path) -> None:
    parts = [
        row
        for segment in ("ios", "web")
        for row in both(
            "m", means(5, 500, 100), means(6, 500, 150), segment_name="platform", segment=segment
        )
    ]
    far = both("m", means(5, 500, 100), means(6, 500, 150))
    read = marts(*far, *parts, read_until=UNTIL)
    rows = landed(warehouse, read, Options(segment="platform"))
    assert [row[1:3] for row in rows] == [
        ("__all__", "__all__"), ("platform", "ios"), ("platform", "web"),
    ]  # fmt: skip
    assert {float(str(row[4])) for row in rows} == {1e-12}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--save"], "nothing to save"),
        (["--offline", "nowhere.csv", "--save"], "not for --offline"),
    ],
)
def test_what_cannot_be_saved_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    empty = marts(read_until=UNTIL)
    monkeypatch.setattr("llm_analytics.experiments.command.read_experiment", lambda *_: empty)
    assert main(["significance", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_nothing_is_saved_before_any_event(warehouse: Path) -> None:
    with pytest.raises(LlmAnalyticsError, match="has no events"):
        save(analyse(replace(READ, experiment={**READ.experiment, "read_until": None}), Options()))
    assert not warehouse.exists()
