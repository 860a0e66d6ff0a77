"""`llm-analytics status`: what is loaded, what was quarantined, and what can be computed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.sources.registry import find_source, source_names
from llm_analytics.warehouse import Warehouse, open_duckdb, open_postgres, resolve_warehouse

Query = Callable[[str], list[tuple[Any, ...]]]
# Lateness of an event: from its own time to its load. Limits in hours, and how each is called.
_LATENESS = ((1, "within 1 hour"), (24, "within 1 day"), (72, "within 3 days"))


def _open(warehouse: Warehouse) -> tuple[Query, Callable[[], None]]:
    """A function that runs a query, and one that closes the connection."""
    if warehouse.is_postgres:
        connection = open_postgres(warehouse.location)

        def query_postgres(sql: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())

        return query_postgres, connection.close
    if not Path(warehouse.location).exists():
        raise LlmAnalyticsError(f"no warehouse at {warehouse.location}; run `llm-analytics load`")
    file = open_duckdb(warehouse.location, read_only=True)
    return lambda sql: file.execute(sql).fetchall(), file.close


def _tables(query: Query) -> set[str]:
    """All tables and views as schema.name."""
    rows = query(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = current_database()"
    )
    return {f"{schema}.{name}" for schema, name in rows}


def _streams(query: Query, tables: set[str]) -> list[dict[str, Any]]:
    """Rows, first and last event and last load of each raw stream that holds any."""
    found = []
    for source in source_names():
        for stream in find_source(source).streams:
            table = f"raw.{source}_{stream}"
            if table not in tables:
                continue
            n_rows, first, last, load_seq = query(
                f"select count(*), min(occurred_at), max(occurred_at), max(load_seq) from {table}"
            )[0]
            if n_rows:
                at = query(f"select loaded_at from raw.loads where load_seq = {load_seq}")
                found.append(
                    {
                        "source": source,
                        "stream": stream,
                        "n_rows": n_rows,
                        "first_occurred_at": first,
                        "last_occurred_at": last,
                        "last_loaded_at": at[0][0] if at else None,
                    }
                )
    return found


def _lateness(query: Query, streams: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many events of each stream came how long after they happened."""
    found = []
    for item in streams:
        cases = " ".join(
            f"when l.loaded_at <= r.occurred_at + interval '{hours} hours' then {place}"
            for place, (hours, _) in enumerate(_LATENESS)
        )
        counted: dict[int, int] = dict(
            query(
                f"select bucket, count(*) from (select case {cases} else {len(_LATENESS)} end"
                f" as bucket from raw.{item['source']}_{item['stream']} as r"
                " inner join raw.loads as l on l.load_seq = r.load_seq) as b group by bucket"
            )
        )
        names = [name for _, name in _LATENESS] + ["later"]
        counts = {name: counted.get(place, 0) for place, name in enumerate(names)}
        found.append({"source": item["source"], "stream": item["stream"], **counts})
    return found


def _mapped(query: Query, tables: set[str]) -> list[dict[str, Any]]:
    """The tables that var llm_analytics_tables maps, as the last build saw them."""
    registries = sorted(name for name in tables if name.endswith("intermediate.int_table_loads"))
    if not registries:
        return []
    rows = query(
        "select stream, cast(sum(n_rows) as bigint), max(newest_at), max(bounded_days)"
        f" from {registries[0]} group by stream order by stream"
    )
    return [
        {
            "stream": stream,
            "n_rows": n_rows,
            "last_occurred_at": last_at,
            "increments": "exact" if days is None else f"bounded: the last {days} days",
        }
        for stream, n_rows, last_at, days in rows
    ]


def read_status(warehouse: Warehouse) -> dict[str, Any]:
    """The state of a warehouse as plain values; `metrics` is None before the first dbt build."""
    query, close = _open(warehouse)
    try:
        tables = _tables(query)
        streams = _streams(query, tables) if "raw.loads" in tables else []
        quarantine = []
        if "raw.quarantine" in tables:
            quarantine = query(
                "select reason, count(*), count(distinct raw_sha256) from raw.quarantine"
                " group by reason order by count(*) desc, reason"
            )
        n_loads = query("select count(*) from raw.loads")[0][0] if "raw.loads" in tables else 0
        marts = sorted(t for t in tables if t.endswith("marts.metric_computability"))
        metrics = None
        if marts:
            rows = query(
                f"select metric, is_computable, missing, domain from {marts[0]}"
                " order by domain, metric"
            )
            names = ("metric", "is_computable", "missing", "domain")
            metrics = [dict(zip(names, row, strict=True)) for row in rows]
        return {
            "warehouse": warehouse.label,
            "n_loads": n_loads,
            "streams": streams,
            "lateness": _lateness(query, streams),
            "tables": _mapped(query, tables),
            "quarantine": [
                {"reason": reason, "n_lines": n, "n_distinct_lines": distinct}
                for reason, n, distinct in quarantine
            ],
            "metrics": metrics,
        }
    except duckdb.Error as error:
        raise LlmAnalyticsError(f"{warehouse.label}: {str(error).splitlines()[0]}") from error
    finally:
        close()


def _cell(value: Any) -> Text:
    """A value as a person reads it; never read as markup."""
    if value is None:
        return Text("-")
    if isinstance(value, datetime):
        return Text(value.strftime("%Y-%m-%d %H:%M"))
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def _table(title: str, rows: list[dict[str, Any]], columns: list[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        is_number = any(isinstance(row[column], int) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    return table


def _print_status(status: dict[str, Any]) -> None:
    console = Console()
    if status["tables"]:
        columns = ["stream", "n_rows", "last_occurred_at", "increments"]
        console.print(_table("Tables of the warehouse's own", status["tables"], columns))
    if not status["streams"]:
        console.print("Nothing is loaded yet: run `llm-analytics load`.", markup=False)
    else:
        columns = [
            "source",
            "stream",
            "n_rows",
            "first_occurred_at",
            "last_occurred_at",
            "last_loaded_at",
        ]
        console.print(_table(f"Loaded into {status['warehouse']}", status["streams"], columns))
        columns = ["source", "stream", *(name for _, name in _LATENESS), "later"]
        console.print(_table("From event to load", status["lateness"], columns))
    if status["quarantine"]:
        columns = ["reason", "n_lines", "n_distinct_lines"]
        console.print(_table("Quarantined", status["quarantine"], columns))
    if status["metrics"] is None:
        console.print(
            "Which metrics can be computed: run `dbt build`, then this again.", markup=False
        )
        return
    computable = sum(1 for metric in status["metrics"] if metric["is_computable"])
    rows = [
        {
            "domain": m["domain"],
            "metric": m["metric"],
            "computable": "yes" if m["is_computable"] else "no",
            "missing": m["missing"],
        }
        for m in status["metrics"]
    ]
    title = f"Metrics: {computable} of {len(rows)} computable"
    console.print(_table(title, rows, ["domain", "metric", "computable", "missing"]))


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("status")
    def status_command(
        as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """Show what is loaded, how late, what is quarantined, what can be computed."""
        status = read_status(resolve_warehouse())
        if as_json:
            json.dump(status, sys.stdout, indent=2, default=str)
            sys.stdout.write("\n")
        else:
            _print_status(status)
