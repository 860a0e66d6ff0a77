"""Run a file of SQL on a DuckDB file, in a process of its own so that it can be measured.

    python bench/run_sql.py script FILE.sql OUT.duckdb    its steps, into a new file
    python bench/run_sql.py queries FILE.sql IN.duckdb    its queries, several times each

Prints JSON: what each step or query took. A step begins with a line `-- step: name`, a query with
`-- query: name <= 10 ms`, the median that it should not exceed.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

_STEP = re.compile(r"^-- step: *(\S+).*$", re.MULTILINE)
_QUERY = re.compile(r"^-- query: *(\S+) <= (\d+) ms *$", re.MULTILINE)


def connect(path: str, given: argparse.Namespace, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection in UTC with the memory, threads and folder for spill that were asked for."""
    config: dict[str, Any] = {"threads": given.threads, "preserve_insertion_order": False}
    if given.memory_limit:
        config["memory_limit"] = given.memory_limit
    if given.spill:
        config["temp_directory"] = given.spill
    connection = duckdb.connect(path, read_only=read_only, config=config)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def run_script(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs the steps; returns the wall and CPU seconds of each."""
    text = Path(given.file).read_text()
    if given.data:
        text = text.replace("DATADIR", given.data)
    head, *parts = _STEP.split(text)
    steps = []
    with connect(given.database, given, read_only=False) as connection:
        if given.raw:
            raw = given.raw.replace("'", "''")
            connection.execute(f"attach '{raw}' as raw (read_only)")
        if any(line.strip() and not line.startswith("--") for line in head.splitlines()):
            connection.execute(head)
        for name, sql in zip(parts[::2], parts[1::2], strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            connection.execute(sql)
            steps.append(
                {
                    "name": name,
                    "wall_seconds": round(time.perf_counter() - wall, 3),
                    "cpu_seconds": round(time.process_time() - cpu, 3),
                }
            )
    return steps


def run_queries(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs each query `runs` times on a file opened read-only; returns their milliseconds."""
    _, *parts = _QUERY.split(Path(given.file).read_text())
    results = []
    with connect(given.database, given, read_only=True) as connection:
        for name, target, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            times, cpu_times = [], []
            for _ in range(given.runs):
                wall, cpu = time.perf_counter(), time.process_time()
                n_rows = len(connection.execute(sql).fetchall())
                times.append((time.perf_counter() - wall) * 1000)
                cpu_times.append((time.process_time() - cpu) * 1000)
            results.append(
                {
                    "name": name,
                    "target_ms": int(target),
                    "median_ms": round(statistics.median(times), 2),
                    "first_ms": round(times[0], 2),
                    "min_ms": round(min(times), 2),
                    # Of all threads; says more than wall time where the machine is busy.
                    "median_cpu_ms": round(statistics.median(cpu_times), 2),
                    "rows": n_rows,
                }
            )
    return results


def main() -> int:
    """Runs what the command line asks for; prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["script", "queries"])
    parser.add_argument("file")
    parser.add_argument("database")
    parser.add_argument("--raw", help="a DuckDB file to attach as raw, read-only")
    parser.add_argument("--data", help="what DATADIR stands for")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit")
    parser.add_argument("--spill", help="folder for what does not fit into memory")
    parser.add_argument("--runs", type=int, default=11)
    given = parser.parse_args()
    run = {"script": run_script, "queries": run_queries}[given.what]
    json.dump(run(given), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
