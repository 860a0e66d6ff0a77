"""How many events a CPU second does `llm-analytics load` check and land?

    python bench/bench_load.py PATH...            files of events, loaded into a new DuckDB file
    python bench/bench_load.py --interactions N   events of the simulator (about 2.3 an interaction)

Counts the CPU time of a load with its start and all its threads, user and system. Each run also
measures a yardstick on the same files: DuckDB's own reader with declared types into tables of a new
file, all texts kept, without a check. Exit status 1 if the best run is below --floor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from llm_analytics.loading.inputs import find_inputs
from llm_analytics.tracking_plan import Stream, read_plan

_READER_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_YARDSTICK = """
import json, sys, duckdb
connection = duckdb.connect(sys.argv[1])
for number, (path, columns) in enumerate(json.load(sys.stdin)):
    options = f"format = 'newline_delimited', ignore_errors = true, columns = {columns}"
    connection.execute(f"create table t{number} as from read_json(?, {options})", [path])
connection.execute("checkpoint")
"""


@dataclass(frozen=True)
class Cost:
    """What a command took: CPU and wall seconds, peak memory in MB, and what it printed."""

    cpu: float
    wall: float
    peak: float
    output: str


def measured(command: list[str], given: str = "", warehouse: str = "") -> Cost:
    """Runs a command with this on its standard input; stops if it fails with 1 or 2."""
    environment = {**os.environ, "LLM_ANALYTICS_WAREHOUSE": warehouse}
    with tempfile.TemporaryFile("w+") as source, tempfile.TemporaryFile("w+") as output:
        source.write(given)
        source.seek(0)
        start = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdin=source, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 3):
            raise SystemExit(process.returncode)
        output.seek(0)
        # Linux counts in KiB, macOS in bytes.
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
        return Cost(usage.ru_utime + usage.ru_stime, wall, peak, output.read())


def declared_types(path: Path, stream: Stream) -> dict[str, str]:
    """The reader's types of the plan's fields that the head of a file shows."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        records = [record for line in islice(lines, 2000) for record in _objects(line)]
    types = {}
    for field in stream.fields:
        values = [record[field.name] for record in records if record.get(field.name) is not None]
        if field.kind == "timestamp":
            is_text = all(isinstance(value, str) for value in values)
            types[field.name] = "TIMESTAMP" if is_text else "VARCHAR"
        elif values:
            types[field.name] = _READER_TYPES[field.kind]
    return types


def _objects(line: str) -> Iterator[dict[str, object]]:
    try:
        record = json.loads(line)
    except ValueError:
        return
    if isinstance(record, dict):
        yield record


def simulated(folder: str, interactions: int) -> list[str]:
    """Files of about this many interactions; one user has about 12 in 30 days."""
    users = str(max(1, interactions // 12))
    options = ["--out", folder, "--users", users, "--days", "30", "--seed", "1"]
    measured([sys.executable, "-m", "llm_analytics", "simulate", *options])
    return sorted(str(path) for path in Path(folder).glob("*.jsonl"))


def main() -> int:
    """Runs the measurement; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="JSON Lines, named after their streams")
    parser.add_argument("--interactions", type=int, default=900_000)
    parser.add_argument("--floor", type=float, default=200_000, help="events per CPU second")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    table = Table("run", "events", title="Load, and a bare typed read of the same files")
    for name in ("CPU s", "wall s", "peak MB", "events/CPU s", "read CPU s", "read/CPU s", "ratio"):
        table.add_column(name, justify="right")
    rates, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        paths = given.paths or simulated(f"{folder}/events", given.interactions)
        plan = read_plan()
        inputs = find_inputs(paths, plan, None)
        typed = [
            (str(item.path), declared_types(item.path, plan[item.stream]))
            for item in inputs
            if item.path and item.stream
        ]
        for run in range(1, given.runs + 1):
            warehouse, yard = f"{folder}/load{run}.duckdb", f"{folder}/yard{run}.duckdb"
            command = [sys.executable, "-m", "llm_analytics", "load", "--json", *paths]
            load = measured(command, warehouse=warehouse)
            read = measured([sys.executable, "-c", _YARDSTICK, yard], json.dumps(typed))
            Path(warehouse).unlink()
            Path(yard).unlink()
            events = sum(file["n_lines"] for file in json.loads(load.output)["files"])
            rates.append(events / load.cpu)
            ratios.append(read.cpu / load.cpu)
            table.add_row(
                str(run),
                f"{events:,}",
                f"{load.cpu:.1f}",
                f"{load.wall:.1f}",
                f"{load.peak:,.0f}",
                f"{rates[-1]:,.0f}",
                f"{read.cpu:.1f}",
                f"{events / read.cpu:,.0f}",
                f"{ratios[-1]:.2f}",
            )
    console = Console(width=100)
    console.print(table)
    console.print(f"events per CPU second: best {max(rates):,.0f}, median {median(rates):,.0f}")
    console.print(f"of the bare read's rate: best {max(ratios):.2f}, median {median(ratios):.2f}")
    return 0 if max(rates) >= given.floor else 1


if __name__ == "__main__":
    sys.exit(main())
