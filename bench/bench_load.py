"""How many events a CPU second does `llm-analytics load` check and land?

    python bench/bench_load.py PATH...      files of events, loaded into a new DuckDB file
    python bench/bench_load.py --events N   about so many events of the simulator

Counts the CPU time of a load with its start and all its threads, user and system. Each run also
measures a yardstick on the same files: DuckDB's own reader with declared types into tables of a new
file, all texts kept, without a check. Exit status 1 if the best run is below --floor.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from llm_analytics.loading.inputs import find_inputs
from llm_analytics.tracking_plan import Stream, read_plan
from measure import measure

_READER_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_DAYS = 30
_EVENTS_PER_USER = 170  # of the simulator, in so many days
_YARDSTICK = """
import json, sys, duckdb
connection = duckdb.connect(sys.argv[1])
for number, (path, columns) in enumerate(json.loads(sys.argv[2])):
    options = f"format = 'newline_delimited', ignore_errors = true, columns = {columns}"
    connection.execute(f"create table t{number} as from read_json(?, {options})", [path])
connection.execute("checkpoint")
"""


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


def simulated(folder: str, events: int) -> list[str]:
    """Files of about this many events."""
    users = str(max(1, events // _EVENTS_PER_USER))
    options = ["--out", folder, "--users", users, "--days", str(_DAYS), "--seed", "1"]
    measure([sys.executable, "-m", "llm_analytics", "simulate", *options])
    return sorted(str(path) for path in Path(folder).glob("*.jsonl"))


def main() -> int:
    """Runs the measurement; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="JSON Lines, named after their streams")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--floor", type=float, default=200_000, help="events per CPU second")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    table = Table("run", "events", title="Load, and a bare typed read of the same files")
    for name in ("CPU s", "wall s", "peak MB", "events/CPU s", "read CPU s", "read/CPU s", "ratio"):
        table.add_column(name, justify="right")
    rates, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        paths = given.paths or simulated(f"{folder}/events", given.events)
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
            # 3: some lines were quarantined, which is no failure of the load.
            environment = {"LLM_ANALYTICS_WAREHOUSE": warehouse}
            load = measure(command, environment=environment, allowed=(0, 3))
            read = measure([sys.executable, "-c", _YARDSTICK, yard, json.dumps(typed)])
            Path(warehouse).unlink()
            Path(yard).unlink()
            events = sum(file["n_lines"] for file in json.loads(load.output)["files"])
            rates.append(events / load.cpu_seconds)
            ratios.append(read.cpu_seconds / load.cpu_seconds)
            table.add_row(
                str(run),
                f"{events:,}",
                f"{load.cpu_seconds:.1f}",
                f"{load.wall_seconds:.1f}",
                f"{load.peak_memory_bytes / 1e6:,.0f}",
                f"{rates[-1]:,.0f}",
                f"{read.cpu_seconds:.1f}",
                f"{events / read.cpu_seconds:,.0f}",
                f"{ratios[-1]:.2f}",
            )
    console = Console(width=100)
    console.print(table)
    console.print(f"events per CPU second: best {max(rates):,.0f}, median {median(rates):,.0f}")
    console.print(f"of the bare read's rate: best {max(ratios):.2f}, median {median(ratios):.2f}")
    return 0 if max(rates) >= given.floor else 1


if __name__ == "__main__":
    sys.exit(main())
