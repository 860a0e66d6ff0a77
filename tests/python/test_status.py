"""Status: what is loaded, how late it came, what was quarantined, and what can be computed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from llm_analytics.cli import main
from llm_analytics.status import read_status
from llm_analytics.warehouse import Warehouse
from load_helpers import load_files, query_event, write_lines


def test_status_of_a_loaded_warehouse(tmp_path: Path, warehouse: Path) -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)
    hour = 3_600_000
    events = [
        query_event(number, timestamp=now - age * hour)
        for number, age in enumerate((0, 2, 30, 90, 91))
    ]
    load_files(warehouse, write_lines(tmp_path / "queries.jsonl", [*events, b"{", b"{", b"[]"]))
    status = read_status(Warehouse(str(warehouse)))
    assert status["n_loads"] == 1
    stream = status["streams"][0]
    assert (stream["stream"], stream["n_rows"]) == ("queries", 5)
    assert status["lateness"] == [
        {"source": "events", "stream": "queries", "within 1 hour": 1, "within 1 day": 1,
         "within 3 days": 1, "later": 2}
    ]  # fmt: skip
    assert status["quarantine"] == [
        {"reason": "not_json", "n_lines": 2, "n_distinct_lines": 1},
        {"reason": "not_object", "n_lines": 1, "n_distinct_lines": 1},
    ]
    assert status["metrics"] is None


def test_the_computability_report_comes_from_its_mart(
    tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    load_files(warehouse, write_lines(tmp_path / "queries.jsonl", [query_event(1)]))
    monkeypatch.setenv("LLM_ANALYTICS_WAREHOUSE", str(warehouse))
    assert main(["status"]) == 0
    assert "dbt build" in capsys.readouterr().out
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.metric_computability as select * from (values"
            " ('dau', true, null, 'engagement'), ('csat', false, 'feedback', 'satisfaction'))"
            " as t (metric, is_computable, missing, domain)"
        )
    assert main(["status"]) == 0
    assert "1 of 2 computable" in capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics[1] == {
        "metric": "csat", "is_computable": False, "missing": "feedback", "domain": "satisfaction",
    }  # fmt: skip


@pytest.mark.postgres
def test_status_on_postgres(tmp_path: Path, fresh_postgres_database: str) -> None:
    path = write_lines(tmp_path / "queries.jsonl", [query_event(1)])
    load_files(fresh_postgres_database, path)
    status = read_status(Warehouse(fresh_postgres_database))
    assert status["streams"][0]["n_rows"] == 1
    assert status["lateness"][0]["later"] == 1
