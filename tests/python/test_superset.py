"""Superset reads a published file by the settings that docs/bi.md names."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.project import ROOT

PYTHON = ROOT / "build" / "superset-venv" / "bin" / "python"
RUNNER = Path(__file__).parent / "support" / "superset_runner.py"


def ask(uri: str, extra: dict[str, Any], query: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a chart over marts.metrics_daily of a database."""
    asked = {
        "uri": uri, "extra": extra, "schema": "marts", "table": "metrics_daily", "query": query,
    }  # fmt: skip
    done = subprocess.run(
        [PYTHON, RUNNER],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=True,
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.mark.superset
@pytest.mark.long
def test_superset_reads_a_published_file_as_the_page_says(tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("no environment with Superset: `make test-superset` makes it")
    page = (ROOT / "docs/bi.md").read_text(encoding="utf-8")
    chapter = page[page.index("\n## Superset\n") :]
    uri = re.search(r"`(duckdb:////\S+)`", chapter)
    extra = re.search(r"```json\n(.*?)```", chapter, re.DOTALL)
    assert uri is not None
    assert extra is not None
    published = tmp_path / "llm_analytics.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as file (storage_version 'v1.0.0')")
        connection.execute("create schema file.marts")
        connection.execute(
            "create table file.marts.metrics_daily as"
            " select * from (values ('queries', date '2025-03-01', 9.0),"
            " ('queries', date '2025-03-02', 33.0), ('sessions', date '2025-03-01', 5.0))"
            " as t(metric, date_day, metric_value)"
        )
    published.chmod(0o444)
    total = {"expressionType": "SQL", "sqlExpression": "sum(metric_value)", "label": "total"}
    found = ask(
        uri.group(1).replace("/srv/product/published/llm_analytics.duckdb", str(published)),
        json.loads(extra.group(1)),
        {"columns": ["metric"], "metrics": [total], "orderby": [["metric", True]]},
    )
    assert found == [{"metric": "queries", "total": 42.0}, {"metric": "sessions", "total": 5.0}]
