"""Runs dbt with Spark in one process: Java starts once, and the project is parsed once.

    python spark_runner.py

Each line of its input is a JSON list, the arguments of one run of dbt; it answers with a line of
JSON: null, or what failed. Runs in the environment that has Spark, which has nothing of the tests.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from dbt.cli.main import dbtRunner


def _failure(result: Any) -> str | None:
    """What failed in a run; None if nothing did."""
    if result.success:
        return None
    nodes = [
        f"{each.node.name}: {(each.message or each.status)[:600]}"
        for each in getattr(result.result, "results", [])
        if each.status in ("error", "fail", "runtime error")
    ]
    return "\n".join(nodes) or repr(result.exception)


def main() -> None:
    """Answer until the input ends."""
    # Spark and dbt write to the standard output what nobody asked for.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(_failure(dbtRunner().invoke(json.loads(line)))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
