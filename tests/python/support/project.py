"""A dbt project with a warehouse of its own: run dbt and the command on it, and read it back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from dbt.cli.main import dbtRunner, dbtRunnerResult

ROOT = Path(__file__).resolve().parents[3]

#: What a copy of the project holds: all that dbt and the command read.
PROJECT_PARTS = (
    "dbt_project.yml",
    "profiles.yml",
    "analyses",
    "docs",
    "macros",
    "models",
    "seeds",
    "tests/dbt",
)

#: Commands of dbt that accept a manifest that was parsed before.
_TAKES_MANIFEST = {
    "build", "compile", "docs", "list", "ls", "run", "run-operation", "seed", "show", "test",
}  # fmt: skip

Row = tuple[Any, ...]


@dataclass
class DbtProject:
    """One project folder, one warehouse, one target folder: tests never share what they write."""

    root: Path
    #: Path of a DuckDB file, or a PostgreSQL URL.
    warehouse: str
    #: Where dbt writes its artifacts and its log.
    work_path: Path
    #: Parsed manifests by vars; shared by the projects whose files and database names are equal.
    manifests: dict[str, Any] = field(default_factory=dict, repr=False)
    #: Environment variables for dbt and the command, besides the warehouse.
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_postgres(self) -> bool:
        """Is the warehouse a PostgreSQL database?"""
        return self.warehouse.startswith("postgres")

    @property
    def target_path(self) -> Path:
        """The folder of dbt's artifacts: manifest.json, run_results.json, compiled SQL."""
        return self.work_path / "target"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that differ from the test's own environment."""
        return {
            "LLM_ANALYTICS_WAREHOUSE": self.warehouse,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **self.env,
        }

    def dbt(
        self, *args: str, variables: Mapping[str, Any] | None = None, check: bool = True
    ) -> dbtRunnerResult:
        """Run dbt in this process, e.g. `project.dbt("build", "--select", "int_queries+")`.

        With `check`, an AssertionError names every node that failed. The files of a project must
        not change between two calls, unless the caller empties `manifests` in between.
        """
        given = json.dumps(dict(variables or {}), sort_keys=True)
        common = [
            "--project-dir", str(self.root),
            "--profiles-dir", str(self.root),
            "--target-path", str(self.target_path),
            # A log of all that dbt does would be a tenth of its work.
            "--log-path", str(self.work_path / "logs"), "--log-level-file", "none",
            "--vars", given,
        ]  # fmt: skip
        with _environment(self.environment):
            manifest = None
            if args[0] in _TAKES_MANIFEST:
                if given not in self.manifests:
                    parsed = dbtRunner().invoke(["--quiet", "parse", *common])
                    if not parsed.success:
                        if check:
                            raise AssertionError(_explain(("parse",), parsed))
                        return parsed
                    self.manifests[given] = parsed.result
                manifest = self.manifests[given]
            # The artifacts of each run would take longer to write than most of what tests build.
            result = dbtRunner(manifest=manifest).invoke(
                ["--quiet", "--no-write-json", *args, *common]
            )
        _release_warehouse()
        if check and not result.success:
            raise AssertionError(_explain(args, result))
        return result

    def manifest(self) -> Any:
        """The project's manifest, parsed."""
        if "{}" not in self.manifests:
            self.manifests["{}"] = self.dbt("parse").result
        return self.manifests["{}"]

    def command(
        self, *args: str | Path, check: bool = True, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `llm-analytics` in a process of its own, on this project's warehouse.

        With `check`, an AssertionError shows the output of a command that did not exit with 0.
        """
        done = run_command(args, cwd=self.root, env={**os.environ, **self.environment}, stdin=stdin)
        if check and done.returncode != 0:
            raise AssertionError(
                f"llm-analytics {' '.join(map(str, args))}: exit {done.returncode}\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    def load(self, *args: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Load files with `llm-analytics load`; exit 3 (some quarantined) is no failure."""
        done = self.command("load", *args, check=False)
        if check and done.returncode not in (0, 3):
            raise AssertionError(f"load: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def query(self, sql: str) -> list[Row]:
        """All rows of a query on the warehouse."""
        return self._fetch(sql)[1]

    def records(self, sql: str) -> list[dict[str, Any]]:
        """All rows of a query on the warehouse, by column name."""
        names, rows = self._fetch(sql)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def execute(self, *statements: str) -> None:
        """Run statements on the warehouse, in one transaction."""
        if self.is_postgres:
            import psycopg2

            connection = psycopg2.connect(self.warehouse)
            try:
                with connection, connection.cursor() as cursor:
                    for statement in statements:
                        cursor.execute(statement)
            finally:
                connection.close()
            return
        with duckdb.connect(self.warehouse) as database:
            database.execute("begin")
            for statement in statements:
                database.execute(statement)
            database.execute("commit")

    def relations(self, schema: str) -> list[str]:
        """Names of the tables and views of a schema, sorted."""
        found = self.query(
            "select table_name from information_schema.tables "  # portable: no list function
            f"where table_schema = '{schema}'"
        )
        return sorted(str(row[0]) for row in found)

    def query_all(self, statements: Sequence[str]) -> list[list[Row]]:
        """The rows of several queries, on one connection."""
        return [rows for _, rows in self._fetch_all(statements)]

    def _fetch(self, sql: str) -> tuple[list[str], list[Row]]:
        return self._fetch_all([sql])[0]

    def _fetch_all(self, statements: Sequence[str]) -> list[tuple[list[str], list[Row]]]:
        """Names of columns and rows of each query, on one connection."""
        found = []
        if self.is_postgres:
            import psycopg2

            connection = psycopg2.connect(self.warehouse, options="-c TimeZone=UTC")
            try:
                with connection.cursor() as cursor:
                    for sql in statements:
                        cursor.execute(sql)
                        names = [str(column[0]) for column in cursor.description or ()]
                        found.append((names, [tuple(row) for row in cursor.fetchall()]))
            finally:
                connection.close()
            return found
        with duckdb.connect(self.warehouse) as database:
            for sql in statements:
                done = database.execute(sql)
                names = [str(column[0]) for column in done.description or ()]
                found.append((names, [tuple(row) for row in done.fetchall()]))
        return found


def copy_project(destination: Path, root: Path = ROOT) -> Path:
    """Copy what dbt and the command read, so that a test can change it; returns the copy."""
    for part in PROJECT_PARTS:
        source = root / part
        if source.is_dir():
            shutil.copytree(source, destination / part, dirs_exist_ok=True)
        elif source.exists():
            (destination / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, destination / part)
    return destination


def run_command(
    args: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m llm_analytics ARGS…`; the output is text, undecodable bytes are replaced."""
    environment = dict(os.environ if env is None else env)
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(ROOT / "scripts"), environment.get("PYTHONPATH")])
    )
    done = subprocess.run(
        [sys.executable, "-m", "llm_analytics", *map(str, args)],
        cwd=cwd,
        env=environment,
        input=b"" if stdin is None else stdin,
        capture_output=True,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args,
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )


def _release_warehouse() -> None:
    """Let go of the DuckDB file that dbt keeps open in this process: others may need it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put them and the working directory back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    directory = Path.cwd()
    os.environ.update(values)
    try:
        yield
    finally:
        os.chdir(directory)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _explain(args: Sequence[str], result: dbtRunnerResult) -> str:
    """What failed in a run of dbt: the exception, or each failed node with its message."""
    lines = [f"dbt {' '.join(args)} failed"]
    if result.exception is not None:
        lines.append(str(result.exception))
    for node in getattr(result.result, "results", None) or ():
        if str(node.status) in {"error", "fail", "runtime error", "partial success"}:
            lines.append(f"{node.status}: {node.node.name}: {node.message}")
    return "\n".join(lines)
