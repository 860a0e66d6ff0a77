"""The Grafana files: what their generator writes, and SQL that PostgreSQL runs on the marts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

import grafana
from support.project import DbtProject

TYPES = {"string": "text"}


def test_the_files_are_what_the_generator_writes() -> None:
    kept = {
        str(path.relative_to(grafana.FOLDER)): path.read_text(encoding="utf-8")
        for path in grafana.FOLDER.rglob("*")
        if path.is_file()
    }
    assert kept == grafana.files(), "dashboards/grafana is stale: python scripts/ci/grafana.py"


def statements(root: Path) -> dict[str, str]:
    """The SQL of each panel and each rule of the committed files, by title."""
    folder = root / "dashboards" / "grafana"
    board = json.loads((folder / "dashboards" / "engineering.json").read_text())
    found = {panel["title"]: panel["targets"][0]["rawSql"] for panel in board["panels"]}
    rules = yaml.safe_load((folder / "provisioning/alerting/llm-analytics.yaml").read_text())
    for rule in rules["groups"][0]["rules"]:
        found[rule["title"]] = rule["data"][0]["model"]["rawSql"]
    return found


@pytest.fixture
def published(
    make_project: Callable[[Path], DbtProject], tmp_path: Path, fresh_postgres_database: str
) -> Any:
    """A cursor on a database with the published marts as their contracts say, one row each."""
    nodes = make_project(tmp_path).manifest().nodes.values()
    connection = psycopg2.connect(fresh_postgres_database)
    cursor = connection.cursor()
    cursor.execute("create schema published")
    for node in nodes:
        if str(node.resource_type) == "model" and str(node.access) == "public":
            columns = ", ".join(
                f'"{column.name}" {TYPES.get(column.data_type, column.data_type)}'
                for column in node.columns.values()
            )
            cursor.execute(f'create table published."{node.name}" ({columns})')
    cursor.execute(
        "insert into published.incidents (rule, severity, is_open, opened_at)"
        " values ('errors', 'critical', true, timestamp '2025-03-01')"
    )
    cursor.execute(
        "insert into published.latency_hourly (hour_started_at, model, latency_p95_ms)"
        " values (timestamp '2025-03-01 10:00', 'm', 900)"
    )
    yield cursor
    connection.close()


def test_every_panel_and_rule_runs_on_the_marts(root: Path, published: Any) -> None:
    results = {}
    for title, sql in statements(root).items():
        # As Grafana replaces it.
        ready = re.sub(
            r"\$__timeFilter\((.+?)\)(?= |$)",
            r"\1 between timestamp '2025-01-01' and timestamp '2025-12-31'",
            sql,
        )
        assert "$" not in ready, title
        published.execute(ready)
        names = [column.name for column in published.description]
        results[title] = [dict(zip(names, row, strict=True)) for row in published.fetchall()]
    assert len(results) == len(grafana.PANELS) + len(grafana.RULES)
    assert results["Open incidents"] == [{"open_incidents": 1}]
    assert results["Critical incident is open"] == [{"value": 1}]
    assert results["Published marts are old"][0]["value"] > 86_400
    (hour,) = results["Latency, 95th percentile, by model"]
    assert (hour["metric"], hour["value"]) == ("m", 900)
    assert [row["rule"] for row in results["Incidents"]] == ["errors"]


def test_a_rule_fires_above_its_limit_and_without_data(root: Path) -> None:
    path = root / "dashboards/grafana/provisioning/alerting/llm-analytics.yaml"
    (group,) = yaml.safe_load(path.read_text())["groups"]
    for rule, (_, _, limit, severity, _) in zip(group["rules"], grafana.RULES, strict=True):
        evaluator = rule["data"][1]["model"]["conditions"][0]["evaluator"]
        assert evaluator == {"type": "gt", "params": [limit]}
        assert rule["labels"]["severity"] == severity
        assert (rule["condition"], rule["noDataState"]) == ("B", "Alerting")


def test_no_file_holds_a_secret(root: Path) -> None:
    path = root / "dashboards/grafana/provisioning/datasources/llm-analytics.yaml"
    (source,) = yaml.safe_load(path.read_text())["datasources"]
    assert source["uid"] == grafana.SOURCE
    given = (source["url"], source["user"], source["secureJsonData"]["password"])
    assert all(value.startswith("$LLM_ANALYTICS_PG_") for value in given)
