"""Runs dbt with Spark in one process: Java starts once, and the project is parsed once.

    python spark_runner.py

Each line of its input is JSON, and so is the line that it answers with. To a list, the arguments of
one run of dbt: null, or what failed. To a text, the name of a table: the plans by which rows were
written into it so far. To a view and a folder: null, when the folder holds the view's rows as
Parquet, or what failed. Runs in the environment that has Spark, which has nothing of the tests.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from dbt.cli.main import dbtRunner
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

#: How Spark begins the plan of what overwrites days of a table.
INSERTION = "== Physical Plan ==\nExecute InsertIntoHadoopFsRelationCommand"


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


def _session() -> SparkSession | None:
    """The session of dbt's runs, whichever thread began it; None before the first."""
    return SparkSession.builder.getOrCreate() if SparkContext._active_spark_context else None


def _plans_into(table: str) -> list[str]:
    """Plans of all that replaced rows of a table, in the order in which they ran."""
    session = _session()
    assert session
    executions = session._jsparkSession.sharedState().statusStore().executionsList()
    plans = [executions.apply(i).physicalPlanDescription() for i in range(executions.size())]
    return [plan for plan in plans if plan.startswith(INSERTION) and f"/{table}," in plan]


def _write_view(view: str, to: str) -> str | None:
    """Write a view's rows; what failed, None if nothing did."""
    session = _session()
    if session is None:
        return f"no run of dbt has started Spark, which is asked for {view}"
    try:
        session.table(view).write.mode("overwrite").parquet(to)
    except PySparkException as error:
        return str(error)
    return None


def main() -> None:
    """Answer until the input ends."""
    # Spark and dbt write to the standard output what nobody asked for.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, str):
            answer: Any = _plans_into(asked)
        elif isinstance(asked, dict):
            answer = _write_view(**asked)
        else:
            answer = _failure(dbtRunner().invoke(asked))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
