"""A warehouse of Spark tables in a folder: dbt builds it from a lake, and files are read back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from support.compare import Snapshot, says_when_made, standing
from support.project import ROOT, Row

#: The environment that has Spark, apart from the tests' own.
PYTHON = ROOT / "build" / "spark-venv" / "bin" / "python"

#: For tables of a few rows: planning and compiling is what they cost.
SMALL = """\
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""

#: What the files of an incremental table hold, by day of its rows.
Days = dict[str, "Day"]


class Day(NamedTuple):
    """A day of an incremental table: its files; its rows, without what says when they were made."""

    files: frozenset[str]
    rows: tuple[Row, ...]


def java_home() -> str | None:
    """Where Java is, as the environment or the command says; None without one."""
    given = os.environ.get("JAVA_HOME")
    if given and (Path(given) / "bin" / "java").exists():
        return given
    found = shutil.which("java")
    return str(Path(found).resolve().parents[1]) if found else None


def skip_without_spark() -> None:
    """Skip a test, and say what it lacks."""
    if java_home() is None:
        pytest.skip(
            "Spark needs Java 17: set JAVA_HOME, or apt-get install openjdk-17-jre-headless"
        )
    if not PYTHON.exists():
        pytest.skip("no environment with Spark: `make test-spark` makes it")


class SparkWarehouse:
    """Spark tables in a folder, and a process in which dbt builds them until it is closed."""

    def __init__(self, folder: Path, lake: Path, root: Path = ROOT):
        """Nothing is made before the first run of dbt."""
        self.folder = folder
        self.lake = lake
        self._root = root
        self._process: subprocess.Popen[str] | None = None

    def dbt(self, *args: str) -> None:
        """Run dbt; an AssertionError says what failed."""
        failure = self._ask([*args, *self._common])
        assert failure is None, failure

    def days_read(self, table: str) -> set[str]:
        """The days of an incremental table that the last rewriting of it read, by Spark's plan.

        Written as the names of their folders.
        """
        plan = self._ask(table)[-1]
        scan = rf"^\(\d+\) Scan parquet \S+\.{table}\n(?:.+\n)*"
        scans = re.findall(scan, plan, flags=re.MULTILINE)
        assert scans, plan
        filters = [re.search(r"^PartitionFilters: (.+)$", each, re.MULTILINE) for each in scans]
        assert all(filters), f"reads every day:\n{plan}"
        days = [re.findall(r"\d{4}-\d{2}-\d{2}", each[1]) for each in filters if each]
        return {f"partition_date={day}" for each in days for day in each}

    def _ask(self, request: Any) -> Any:
        process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"Spark ended: see {self.folder / 'runner.txt'}"
        return json.loads(answer)

    def close(self) -> None:
        """End Spark; the tables stay."""
        if self._process:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait(timeout=60)
            self._process = None

    def rows(self, schema: str, table: str, columns: Sequence[str], where: str = "") -> list[Row]:
        """The rows of a table or a view, with times as UTC times without a zone."""
        home = self.folder / "tables" / f"{schema}.db" / table
        if not home.is_dir():
            home = self.folder / "views" / f"{schema}.{table}"
            failure = self._ask({"view": f"{schema}.{table}", "to": str(home)})
            assert failure is None, failure
        files = home / "**" / "*.parquet"
        if not any(home.rglob("*.parquet")):
            return []  # in folders by day, and without a day
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            found = connection.execute(
                f"select {', '.join(columns)} from read_parquet('{files}'){where}"
            ).fetchall()
        return [tuple(map(_without_zone, row)) for row in found]

    def snapshot(self, expected: Snapshot) -> Snapshot:
        """The tables that a snapshot of another engine has."""
        found = {}
        for table, (columns, _) in expected.items():
            schema = "intermediate" if table.startswith("int_") else "marts"
            found[table] = (columns, self.rows(schema, table, columns, standing(columns)))
        return found

    def files(self, schema: str, table: str) -> frozenset[str]:
        """The names of the files that hold the rows of a table."""
        home = self.folder / "tables" / f"{schema}.db" / table
        return frozenset(file.name for file in home.rglob("*.parquet"))

    def days(self, table: str) -> Days:
        """The days of an incremental table."""
        found = {}
        for folder in (self.folder / "tables" / "intermediate.db" / table).glob("partition_date=*"):
            read = f"from read_parquet('{folder}/*.parquet')"
            with duckdb.connect() as connection:
                columns = [name for name, *_ in connection.execute(f"describe {read}").fetchall()]
                facts = [name for name in columns if not says_when_made(name)]
                rows = connection.execute(
                    f"select {', '.join(facts)} {read} order by all"
                ).fetchall()
            files = frozenset(file.name for file in folder.glob("*.parquet"))
            found[folder.name] = Day(files, tuple(rows))
        return found

    @property
    def _common(self) -> list[str]:
        return [
            "--project-dir", str(self._root), "--profiles-dir", str(self._root),
            "--target-path", str(self.folder / "target"),
            "--log-path", str(self.folder / "logs"), "--log-level-file", "info", "--quiet",
        ]  # fmt: skip

    def _started(self) -> subprocess.Popen[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "spark-defaults.conf").write_text(SMALL)
        environment = {
            **os.environ,
            "JAVA_HOME": java_home() or "",
            "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
            "SPARK_CONF_DIR": str(self.folder),
            "LLM_ANALYTICS_SPARK_PARTITIONS": "1",
            "LLM_ANALYTICS_WAREHOUSE": f"spark:{self.folder}",
            "LLM_ANALYTICS_LAKE": str(self.lake),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        with (self.folder / "runner.txt").open("a") as log:
            self._process = subprocess.Popen(
                [PYTHON, Path(__file__).with_name("spark_runner.py")],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True,
            )  # fmt: skip
        return self._process


def _without_zone(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
