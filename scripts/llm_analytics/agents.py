"""`llm-analytics mcp`: metrics for agents, read from the published file and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.publishing.command import published_folder
from llm_analytics.warehouse import confine

#: Rows that one answer holds at most, and unless asked for more.
MOST_ROWS, DEFAULT_ROWS = 1000, 100
_INSTRUCTIONS = """\
Metrics of an LLM product, by reporting date. list_metrics says what there is, describe_metric what
a metric means, query_metric what it was. A ratio is numerator / denominator: pool the counts, never
average the ratios. A date with is_mature false is not final yet."""


class PublishedMetrics:
    """The published file as three questions; each opens it anew and read-only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _ask(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        if not self._path.is_file():
            raise LlmAnalyticsError(f"no {self._path}: run `llm-analytics publish` first")
        with duckdb.connect(str(self._path), read_only=True) as reader:
            confine(reader)
            result = reader.execute(sql, list(values))
            names = [column[0] for column in result.description]
            return [dict(zip(names, map(_plain, row), strict=True)) for row in result.fetchall()]

    def list_metrics(self) -> list[dict[str, Any]]:
        """Every metric with a value per date: its cuts, its first and its last date."""
        return self._ask(
            "select metric, list(distinct dimension order by dimension) as dimensions,"
            " min(date_day) as first_date, max(date_day) as last_date,"
            " max(case when is_mature then date_day end) as last_final_date"
            " from marts.metrics_daily group by metric order by metric"
        )

    def describe_metric(self, metric: str) -> dict[str, Any]:
        """The contracts that define a metric, what its cuts are, and what it lacks if anything.

        Raises LlmAnalyticsError for an unknown name.
        """
        contracts = self._ask(
            'select metric, title, mart, numerator, denominator, "window", source, example'
            " from published.metric_definitions"
            " where metric = ?",
            [metric],
        )
        cuts = self._ask(
            'select dimension, list(distinct value order by value)[1:50] as "values"'
            " from marts.metrics_daily where metric = ? group by dimension order by dimension",
            [metric],
        )
        state = self._ask(
            "select is_computable, missing from marts.metric_computability where metric = ?",
            [metric],
        )
        if not (contracts or cuts or state):
            raise LlmAnalyticsError(f"no metric {metric}: list_metrics says which there are")
        return {
            "metric": metric,
            "contracts": contracts,
            "dimensions": cuts,
            **(state[0] if state else {}),
        }

    def query_metric(
        self,
        metric: str,
        dimension: str = "all",
        value: str | None = None,
        start: str | None = None,
        end: str | None = None,
        limit: int = DEFAULT_ROWS,
    ) -> dict[str, Any]:
        """A metric by date, newest first: its value, its two counts and whether it is final.

        `dimension` is what it is cut by (`all`: not at all), `value` one value of it; `start` and
        `end` are dates, both included; `limit` is 1 to 1000 rows. Raises LlmAnalyticsError for an
        unknown metric or dimension, a date that is none, or a limit out of bounds.
        """
        if not 1 <= limit <= MOST_ROWS:
            raise LlmAnalyticsError(f"limit is 1 to {MOST_ROWS}, not {limit}")
        known = [each["dimension"] for each in self.describe_metric(metric)["dimensions"]]
        if not known:
            raise LlmAnalyticsError(f"{metric} has no value per date")
        if dimension not in known:
            raise LlmAnalyticsError(f"{metric} is cut by {', '.join(known)}, not by {dimension}")
        rows = self._ask(
            "select date_day, value, numerator, denominator, metric_value, is_mature"
            " from marts.metrics_daily"
            " where metric = $1 and dimension = $2 and ($3 is null or value = $3)"
            " and ($4 is null or date_day >= $4) and ($5 is null or date_day <= $5)"
            " order by date_day desc, value limit $6",
            [metric, dimension, value, _date(start), _date(end), limit + 1],
        )
        (about,) = self._ask(
            "select version, built_at, newest_event_at, load_seq from published.about"
        )
        return {
            "metric": metric,
            "dimension": dimension,
            "rows": rows[:limit],
            "is_truncated": len(rows) > limit,
            "published": about,
        }


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise LlmAnalyticsError(f"{text} is no date: write 2025-01-31") from error


def _plain(value: object) -> object:
    """A value as JSON holds it: decimals become numbers, dates text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return float(value)  # type: ignore[arg-type]


def create_server(path: Path) -> Any:
    """The server of the Model Context Protocol; LlmAnalyticsError without the extra `mcp`."""
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        raise LlmAnalyticsError(
            "agents need the extra `mcp`: pip install 'llm-analytics[mcp]'"
        ) from error

    def answering(question: Callable[..., Any]) -> Callable[..., Any]:
        """The question as a tool: an error that says what to ask instead reaches the agent."""

        @wraps(question)
        def answer(*args: Any, **given: Any) -> Any:
            try:
                return question(*args, **given)
            except LlmAnalyticsError as error:
                raise ToolError(str(error)) from error

        return answer

    server = MCPServer("llm-analytics", instructions=_INSTRUCTIONS)
    metrics = PublishedMetrics(path)
    for question in (metrics.list_metrics, metrics.describe_metric, metrics.query_metric):
        server.add_tool(answering(question))
    return server


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("mcp")
    def mcp_command(
        published: Annotated[
            Path | None,
            typer.Option(help="Folder of the published file.", show_default="published"),
        ] = None,
    ) -> None:
        """Answer agents that ask for metrics, over standard input and output; read-only."""
        path = published_folder(published).current
        if not path.is_file():
            raise LlmAnalyticsError(f"no {path}: run `llm-analytics publish` first")
        create_server(path).run()
