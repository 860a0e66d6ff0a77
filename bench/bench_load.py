"""How many events a CPU second does `llm-analytics load` check and land?

    python bench/bench_load.py PATH...            files of events, loaded into a new DuckDB file
    python bench/bench_load.py --interactions N   events of the simulator (about 2.3 an interaction)

Counts the CPU time of the load and all its children, user and system. Beside it runs a yardstick
of the same files on the same machine: DuckDB's own reader into tables of its own making, without a
check. Exit status 1 below --floor.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_YARDSTICK = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("set preserve_insertion_order = false")
for number, path in enumerate(sys.argv[2:]):
    reader = "read_json(?, format = 'newline_delimited', ignore_errors = true)"
    connection.execute(f"create table t{number} as from {reader}", [path])
"""


def cpu_seconds(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """CPU seconds, wall seconds and output of a command; raises if it fails with 1 or 2."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.monotonic() - start
    if result.returncode not in (0, 3):
        raise SystemExit(result.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, result.stdout


def main() -> int:
    """Runs the measurement; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--interactions", type=int, default=900_000)
    parser.add_argument("--floor", type=float, default=200_000, help="events per CPU second")
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LLM_ANALYTICS_WAREHOUSE": f"{folder}/bench.duckdb"}
        paths = given.paths
        command = [sys.executable, "-m", "llm_analytics"]
        if not paths:
            # One user has about 12 interactions in 30 days.
            users = str(max(1, given.interactions // 12))
            options = ["--out", f"{folder}/events", "--users", users, "--days", "30", "--seed", "1"]
            cpu_seconds([*command, "simulate", *options], environment)
            paths = sorted(str(path) for path in Path(f"{folder}/events").glob("*.jsonl*"))
        best = 0.0
        for _ in range(given.runs):
            Path(f"{folder}/bench.duckdb").unlink(missing_ok=True)
            cpu, wall, output = cpu_seconds([*command, "load", "--json", *paths], environment)
            lines = sum(file["n_lines"] for file in json.loads(output)["files"])
            best = max(best, lines / cpu)
            print(
                f"load       {lines:>10,} events {cpu:7.1f} CPU s {wall:7.1f} s wall"
                f" {lines / cpu:>10,.0f} events per CPU second"
            )
            plain = [path for path in paths if Path(path).suffix in (".jsonl", ".gz")]
            Path(f"{folder}/yard.duckdb").unlink(missing_ok=True)
            cpu, wall, _ = cpu_seconds(
                [sys.executable, "-c", _YARDSTICK, f"{folder}/yard.duckdb", *plain], environment
            )
            print(
                f"yardstick  {lines:>10,} events {cpu:7.1f} CPU s {wall:7.1f} s wall"
                f" {lines / cpu:>10,.0f} events per CPU second"
            )
    return 0 if best >= given.floor else 1


if __name__ == "__main__":
    sys.exit(main())
