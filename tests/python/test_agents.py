"""Agents ask for metrics over the Model Context Protocol, and can do nothing else."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.agents import PublishedMetrics, create_server
from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError

DAYS = 1200


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A published file with one metric by day, and by two models."""
    path = tmp_path / "llm_analytics.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(
            f"""
            create schema marts;
            create schema published;
            create table marts.metrics_daily as
            select
                'error_rate' as metric,
                date '2022-01-01' + cast(i as integer) as date_day,
                dimension,
                value,
                cast(1 as decimal(38, 12)) as numerator,
                cast(4 as decimal(38, 12)) as denominator,
                0.25 as metric_value,
                i < {DAYS - 1} as is_mature
            from range({DAYS}) as r(i)
            cross join (
                values ('all', null), ('model', 'a'), ('model', 'b')
            ) as cuts(dimension, value);
            create table marts.metric_computability as
            select 'error_rate' as metric, true as is_computable, null as missing;
            create table published.metric_definitions as
            select
                'error_rate' as metric, 'error rate' as title, 'model_performance_daily' as mart,
                'n_failed' as numerator, 'n_attempts' as denominator, 'A day.' as "window",
                'responses' as source, '1 of 4' as example;
            create table published.about as
            select
                3 as version, timestamp '2025-01-01' as built_at,
                timestamp '2025-01-01' as newest_event_at, 7 as load_seq;
            """
        )
    return path


def call(published: Path, tool: str, arguments: dict[str, Any]) -> Any:
    """What a client gets that calls a tool of the server, in this process."""
    from mcp import Client

    async def ask() -> Any:
        async with Client(create_server(published)) as client:
            tools = await client.list_tools()
            assert sorted(each.name for each in tools.tools) == [
                "describe_metric", "list_metrics", "query_metric",
            ]  # fmt: skip
            assert all(each.description for each in tools.tools)
            return await client.call_tool(tool, arguments)

    return asyncio.run(ask())


def test_a_client_lists_describes_and_queries(published: Path) -> None:
    listed = call(published, "list_metrics", {})
    assert not listed.is_error
    assert json.loads(listed.content[0].text) == {
        "metric": "error_rate",
        "dimensions": ["all", "model"],
        "first_date": "2022-01-01",
        "last_date": (date(2022, 1, 1) + timedelta(DAYS - 1)).isoformat(),
        "last_final_date": (date(2022, 1, 1) + timedelta(DAYS - 2)).isoformat(),
    }
    described = json.loads(
        call(published, "describe_metric", {"metric": "error_rate"}).content[0].text
    )
    assert described["contracts"][0]["numerator"] == "n_failed"
    assert described["dimensions"] == [
        {"dimension": "all", "values": [None]},
        {"dimension": "model", "values": ["a", "b"]},
    ]
    asked = call(
        published,
        "query_metric",
        {"metric": "error_rate", "dimension": "model", "value": "b", "start": "2022-01-01",
         "end": "2022-01-03"},
    )  # fmt: skip
    answer = json.loads(asked.content[0].text)
    assert [row["date_day"] for row in answer["rows"]] == ["2022-01-03", "2022-01-02", "2022-01-01"]
    assert answer["rows"][0] == {
        "date_day": "2022-01-03", "value": "b", "numerator": 1.0, "denominator": 4.0,
        "metric_value": 0.25, "is_mature": True,
    }  # fmt: skip
    assert answer["published"]["version"] == 3
    assert not answer["is_truncated"]


def test_rows_are_limited(published: Path) -> None:
    metrics = PublishedMetrics(published)
    answer = metrics.query_metric("error_rate")
    assert len(answer["rows"]) == 100
    assert answer["is_truncated"]
    assert len(metrics.query_metric("error_rate", limit=1000)["rows"]) == 1000
    with pytest.raises(LlmAnalyticsError, match="limit is 1 to 1000, not 1001"):
        metrics.query_metric("error_rate", limit=1001)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "revenue"}, "no metric revenue"),
        ({"metric": "error_rate", "dimension": "plan"}, "is cut by all, model, not by plan"),
        ({"metric": "error_rate", "start": "yesterday"}, "yesterday is no date"),
        ({"metric": "'; drop table marts.metrics_daily; --"}, "no metric '; drop table"),
    ],
)
def test_a_wrong_question_is_an_error_that_says_what_to_ask(
    published: Path, arguments: dict[str, Any], message: str
) -> None:
    answer = call(published, "query_metric", arguments)
    assert answer.is_error
    assert message in answer.content[0].text


def test_nothing_but_the_file_can_be_read_or_written(published: Path, tmp_path: Path) -> None:
    metrics = PublishedMetrics(published)
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for statement in (
        f"select * from read_csv('{tmp_path}/secret.csv')",
        "create table marts.more as select 1",
        "set enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            metrics._ask(statement)


def test_without_a_published_file_it_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mcp", "--published", str(tmp_path)]) == 1
    assert "run `llm-analytics publish` first" in capsys.readouterr().err
