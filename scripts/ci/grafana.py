"""Writes dashboards/grafana/: what Grafana provisions to show the marts published to PostgreSQL.

    python scripts/ci/grafana.py            write the files
    python scripts/ci/grafana.py --check    exit with 1 if one is stale

Panels only select: what a metric is, is said by its mart.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards" / "grafana"
SOURCE = "llm-analytics"
_KIND = "grafana-postgresql-datasource"
_HEAD = "# Written by scripts/ci/grafana.py; change that.\n"


@dataclass(frozen=True)
class Panel:
    """One panel: timeseries, stat or table; the unit as Grafana names it."""

    title: str
    kind: str
    unit: str
    description: str
    sql: str
    width: int = 12


PANELS = (
    Panel(
        "Open incidents", "stat", "short", "Rules that fire without a quiet window since.",
        "select count(*) as open_incidents from published.incidents where is_open", 6,
    ),
    Panel(
        "Age of the newest hour", "stat", "s", "How old the newest hour with calls is.",
        "select extract(epoch from now() at time zone 'UTC' - max(hour_started_at)) as age"
        " from published.latency_hourly", 6,
    ),
    Panel(
        "Incidents", "table", "short", "Firings in a row, the newest first.",
        "select opened_at, resolved_at, rule, value, severity, n_firings, highest_value"
        " from published.incidents where $__timeFilter(opened_at) order by opened_at desc",
    ),
    Panel(
        "Latency, 95th percentile, by model", "timeseries", "ms",
        "Successful answers of the hour; quantiles by nearest rank.",
        "select hour_started_at as time, coalesce(model, 'unknown') as metric,"
        " latency_p95_ms as value from published.latency_hourly"
        " where $__timeFilter(hour_started_at) order by hour_started_at",
    ),
    Panel(
        "Error rate by model", "timeseries", "percentunit",
        "Failed attempts at an answer / attempts; a day of the reporting zone.",
        "select cast(date_day as timestamp) as time, coalesce(model, 'unknown') as metric,"
        " error_rate as value from published.model_performance_daily"
        " where $__timeFilter(cast(date_day as timestamp)) order by date_day",
    ),
    Panel(
        "Queries without an answer", "timeseries", "percentunit",
        "Queries with no success in time / queries whose time is over.",
        "select cast(date_day as timestamp) as time, user_error_rate"
        " from published.reliability_daily"
        " where $__timeFilter(cast(date_day as timestamp)) order by date_day",
    ),
    Panel(
        "Availability", "timeseries", "percentunit",
        "Five-minute buckets up / buckets known; without traffic or a probe unknown.",
        "select cast(date_day as timestamp) as time, availability"
        " from published.availability_daily where is_complete"
        " and $__timeFilter(cast(date_day as timestamp)) order by date_day",
    ),
    Panel(
        "Cost by model", "timeseries", "currencyUSD", "All calls, dated by the call.",
        "select cast(date_day as timestamp) as time, coalesce(model, 'unknown') as metric,"
        " cost_usd as value from published.cost_daily"
        " where $__timeFilter(cast(date_day as timestamp)) order by date_day",
    ),
)  # fmt: skip

#: Title, SQL of one number, the number above which it fires, severity, and what to do.
RULES = (
    (
        "Critical incident is open",
        "select count(*) as value from published.incidents"
        " where is_open and severity = 'critical'",
        0, "critical", "See the table of incidents and the runbook of the rule in alert_events.",
    ),
    (
        "Published marts are old",
        "select coalesce(extract(epoch from now() at time zone 'UTC' - max(hour_started_at)), 1e9)"
        " as value from published.latency_hourly",
        86_400, "warning", "No hour with calls for a day: look at loads, build and publish.",
    ),
)  # fmt: skip


@dataclass
class _Query(variants.Dataquery):
    """SQL for Grafana's PostgreSQL data source."""

    sql: str
    shape: str

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        return {
            "refId": "A",
            "datasource": {"type": _KIND, "uid": SOURCE},
            "format": self.shape,
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": self.sql,
        }


@dataclass
class _QueryBuilder(builder.Builder[variants.Dataquery]):
    query: _Query

    def build(self) -> variants.Dataquery:
        return self.query


def board() -> str:
    """The engineering board, as JSON."""
    made = (
        dashboard.Dashboard("LLM analytics: engineering")
        .uid("llm-analytics-engineering")
        .tags(["llm-analytics"])
        .time("now-30d", "now")
        .timezone("utc")
        .refresh("5m")
        .readonly()
    )
    kinds: dict[str, Any] = {
        "timeseries": timeseries.Panel,
        "stat": stat.Panel,
        "table": table.Panel,
    }
    for each in PANELS:
        shape = "time_series" if each.kind == "timeseries" else "table"
        made = made.with_panel(
            kinds[each.kind]()
            .title(each.title)
            .description(each.description)
            .unit(each.unit)
            .datasource(DataSourceRef(type_val=_KIND, uid=SOURCE))
            .span(each.width)
            .height(8 if each.kind != "stat" else 4)
            .with_target(_QueryBuilder(_Query(each.sql, shape)))
        )
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def data_source() -> dict[str, Any]:
    """Where the marts are; address and password come from Grafana's own environment."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "LLM analytics",
                "uid": SOURCE,
                "type": _KIND,
                "access": "proxy",
                "url": "$LLM_ANALYTICS_PG_HOST",
                "user": "$LLM_ANALYTICS_PG_USER",
                "jsonData": {"database": "$LLM_ANALYTICS_PG_DATABASE", "sslmode": "prefer"},
                "secureJsonData": {"password": "$LLM_ANALYTICS_PG_PASSWORD"},
                "editable": False,
            }
        ],
    }


def provider() -> dict[str, Any]:
    """Where Grafana finds the board."""
    options = {"path": "/var/lib/grafana/dashboards/llm-analytics"}
    item = {"name": "llm-analytics", "type": "file", "options": options}
    return {"apiVersion": 1, "providers": [item]}


def alerts() -> dict[str, Any]:
    """The alert rules."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": "llm-analytics",
                "folder": "LLM analytics",
                "interval": "5m",
                "rules": [
                    {
                        "uid": f"llm-analytics-{place}",
                        "title": title,
                        "condition": "B",
                        "for": "0s",
                        "noDataState": "Alerting",
                        "execErrState": "Error",
                        "labels": {"severity": severity},
                        "annotations": {"summary": summary},
                        "data": [_number(sql), _above(limit)],
                    }
                    for place, (title, sql, limit, severity, summary) in enumerate(RULES, 1)
                ],
            }
        ],
    }


def _number(sql: str) -> dict[str, Any]:
    return {
        "refId": "A",
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": SOURCE,
        "model": _Query(sql, "table").to_json(),
    }


def _above(limit: float) -> dict[str, Any]:
    condition = {"evaluator": {"type": "gt", "params": [limit]}}
    return {
        "refId": "B",
        "datasourceUid": "__expr__",
        "model": {"refId": "B", "type": "threshold", "expression": "A", "conditions": [condition]},
    }


def files() -> dict[str, str]:
    """Content of each file by its path in the folder."""

    def text(content: dict[str, Any]) -> str:
        return _HEAD + yaml.safe_dump(content, sort_keys=False)

    return {
        "dashboards/engineering.json": board(),
        "provisioning/alerting/llm-analytics.yaml": text(alerts()),
        "provisioning/dashboards/llm-analytics.yaml": text(provider()),
        "provisioning/datasources/llm-analytics.yaml": text(data_source()),
    }


def main() -> int:
    """Write the files, or with --check say whether one is stale."""
    stale = 0
    for name, content in files().items():
        path = FOLDER / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                print(f"{path.relative_to(ROOT)} is stale: python scripts/ci/grafana.py")
                stale = 1
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
