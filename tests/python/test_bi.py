"""The code blocks of docs/bi.md, typed on published marts of two days."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import psycopg2
import pytest
import yaml

#: Half of the votes of a final day are good; the next day is not over.
DAYS = """
    ('thumbs_ratio', date '2025-03-01', 'all', null, 2, 4, 0.5, true),
    ('thumbs_ratio', date '2025-03-02', 'all', null, 1, 1, 1.0, false),
    ('queries', date '2025-03-01', 'all', null, 9, null, 9.0, true)
"""


def _columns(root: Path) -> str:
    """The columns of metrics_daily, as its contract says."""
    (model,) = yaml.safe_load((root / "models/marts/monitoring/metrics_daily.yml").read_text())[
        "models"
    ]
    return ", ".join(
        f"{column['name']} {column['data_type'].replace('string', 'text')}"
        for column in model["columns"]
    )


@pytest.fixture
def published(root: Path, tmp_path: Path, fresh_postgres_database: str) -> dict[str, str]:
    """All three copies where the page looks for them; the environment that it needs."""
    columns = _columns(root)
    (tmp_path / "published").mkdir()
    (tmp_path / "exports/marts/v1").mkdir(parents=True)
    (tmp_path / "exports/marts/current").symlink_to("v1")
    with duckdb.connect(str(tmp_path / "published/llm_analytics.duckdb")) as database:
        database.execute("create schema marts")
        database.execute(f"create table marts.metrics_daily ({columns})")
        database.execute(f"insert into marts.metrics_daily values {DAYS}")
        database.execute(
            "copy marts.metrics_daily"
            f" to '{tmp_path / 'exports/marts/v1/metrics_daily.parquet'}' (format parquet)"
        )
    connection = psycopg2.connect(fresh_postgres_database)
    with connection, connection.cursor() as cursor:
        cursor.execute("create schema published")
        cursor.execute(f"create table published.metrics_daily ({columns})")
        cursor.execute(f"insert into published.metrics_daily values {DAYS}")
    connection.close()
    return {"LLM_ANALYTICS_PUBLISH_POSTGRES": fresh_postgres_database}


def test_the_blocks_of_the_page_run_and_agree(
    root: Path, tmp_path: Path, published: dict[str, str]
) -> None:
    page = (root / "docs/bi.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^## (.+?)\n.*?^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    printed = {
        title: subprocess.run(
            [sys.executable, "-c", block],
            cwd=tmp_path,
            env={"PATH": "", **published},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for title, block in blocks
    }
    assert printed["DuckDB"] == "[(datetime.date(2025, 3, 1), 0.5)]"
    assert printed["SQLAlchemy"] == "['queries', 'thumbs_ratio']"
    assert printed["PostgreSQL"] == "[(datetime.date(2025, 3, 1), 0.5)]"
    (day,) = printed["Parquet"].splitlines()[1:]
    assert day.split()[1:] == ["2025-03-01", "0.5"]
