"""The headline table: how values read, and what a machine gets."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.summary import format_value


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "share", "—"),
        (0.12345, "share of users", "12.3%"),
        (0.00123, "US dollars", "$0.0012"),
        (1234.5, "US dollars", "$1,234.50"),
        (2345.0, "milliseconds", "2.35 s"),
        (1315.0, "users", "1,315"),
        (36.014, "queries", "36.01"),
    ],
)
def test_values_read_in_their_unit(value: float | None, unit: str, shown: str) -> None:
    assert format_value(value, unit) == shown


def test_without_a_build_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(tmp_path / "nothing.duckdb"))
    assert main(["summary"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert "run `dbt build` first" in errors[0]


def test_machines_get_the_rows_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.headline_metrics as select 1::bigint as position, "
            "'users' as metric, 3.0::double as value, 3::decimal(18, 6) as numerator, "
            "null::decimal(18, 6) as denominator, null::double as low, null::double as high, "
            "'users' as unit, null::varchar as note"
        )
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(file))
    assert main(["summary", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["metric"], row["value"], row["numerator"], row["low"]) == ("users", 3.0, 3.0, None)
    assert main(["summary"]) == 0
    assert "users" in capsys.readouterr().out
