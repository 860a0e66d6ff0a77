r"""How many records did a run on Spark shuffle for each table that it wrote?

    mkdir -p build/conf build/events
    printf 'spark.eventLog.enabled true\nspark.eventLog.dir %s\n' "$PWD/build/events" \
        > build/conf/spark-defaults.conf
    SPARK_CONF_DIR=build/conf build/spark-venv/bin/dbt build --select +tag:core
    python bench/spark_shuffles.py build/events/eventlog_v2_local-*

Reads the log of events of one application, and prints one row for each table (and for each CTE that
was written down for it), the most shuffled first. A shuffle that grows with history shows where two
runs of one load differ by the size of what was there before.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

#: What a plan writes: a new table by its name, rows of one by its folder.
WRITTEN = re.compile(
    r"^\(\d+\) (?:Execute )?(?:CreateDataSourceTableAsSelect|InsertIntoHadoopFsRelation)Command\n"
    r"(?:(?:Input|Output).*\n)*Arguments: (?:`\w+`\.`\w+`\.`(?P<name>\w+)`|[^,]*/(?P<folder>\w+),)",
    re.MULTILINE,
)
#: Stands for what wrote no table: dbt's own queries.
NO_TABLE = "(no table)"


@dataclass
class Work:
    """Records by the table that they were read or shuffled for."""

    shuffled: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)


def work_by_table(events: Iterable[dict[str, Any]]) -> Work:
    """What the stages of an application read and shuffled, from its events in their order."""
    tables: dict[str, str] = {}
    executions: dict[int, str] = {}
    work = Work()
    for event in events:
        kind = event["Event"].rpartition(".")[2]
        if kind == "SparkListenerSQLExecutionStart":
            written = WRITTEN.search(event["physicalPlanDescription"])
            table = written and (written["name"] or written["folder"])
            tables[str(event["executionId"])] = table or NO_TABLE
        elif kind == "SparkListenerJobStart":
            execution = event.get("Properties", {}).get("spark.sql.execution.id", "")
            executions.update(dict.fromkeys(event["Stage IDs"], execution))
        elif kind == "SparkListenerStageCompleted":
            stage = event["Stage Info"]
            table = tables.get(executions.get(stage["Stage ID"], ""), NO_TABLE)
            for metric in stage["Accumulables"]:
                if metric.get("Name") == "internal.metrics.shuffle.write.recordsWritten":
                    work.shuffled[table] += int(metric["Value"])
                elif metric.get("Name") == "internal.metrics.input.recordsRead":
                    work.read[table] += int(metric["Value"])
    return work


def events_of(log: Path) -> Iterator[dict[str, Any]]:
    """The events of an application: its log is a file, or a folder of files in their order."""
    files = [log] if log.is_file() else sorted(log.glob("events_*"), key=_number)
    for file in files:
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _number(file: Path) -> int:
    return int(file.name.split("_")[1])


def main() -> int:
    """Print the table; exit status 1 where the log holds no event."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("log", type=Path, help="the log of one application")
    arguments = parser.parse_args()
    work = work_by_table(events_of(arguments.log))
    if not work.read:
        print(f"{arguments.log} holds no event of a run", file=sys.stderr)
        return 1
    table = Table("table")
    for name in ("shuffled", "read"):
        table.add_column(name, justify="right")
    for name, shuffled in work.shuffled.most_common():
        table.add_row(name, f"{shuffled:,}", f"{work.read[name]:,}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
