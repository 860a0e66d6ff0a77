"""`llm-analytics run`: from files that a team has to filled marts, in one command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.command import EXIT_QUARANTINED, load_with_progress, print_report
from llm_analytics.loading.inputs import find_inputs
from llm_analytics.loading.load import LoadOptions, LoadReport
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.marts import read_mart
from llm_analytics.sources.detection import detect
from llm_analytics.sources.registry import find_source
from llm_analytics.summary import print_headline, read_headline
from llm_analytics.warehouse import named_lake, project_root, resolve_warehouse


def files_by_source(paths: list[str]) -> dict[str, list[str]]:
    """The files of each source, in the order given. Raises LlmAnalyticsError for an unclear one."""
    found: dict[str, list[str]] = {}
    for item in find_inputs(paths, find_source("events").streams, None):
        found.setdefault(detect(item), []).append(item.name)
    return found


def _dbt() -> str:
    """The dbt of this environment, else the one on the path."""
    own = Path(sys.executable).with_name("dbt")
    program = str(own) if own.exists() else shutil.which("dbt")
    if program is None:
        raise LlmAnalyticsError("dbt is not installed in this environment")
    return program


def build(*arguments: str) -> None:
    """Builds and tests all models of the project around the current folder.

    `arguments` are more of dbt's own, such as --full-refresh.

    Raises LlmAnalyticsError with the first thing that failed; all of dbt's output with -v.
    """
    root = project_root()
    if not (root / "dbt_project.yml").is_file():
        raise LlmAnalyticsError(f"no dbt_project.yml in {root} or above: run it inside the project")
    lake = named_lake()
    environment = {
        **os.environ,
        **({"LLM_ANALYTICS_LAKE": _absolute(lake)} if lake else {}),
        # As seen from here, for dbt runs in the project's folder.
        "LLM_ANALYTICS_WAREHOUSE": _absolute(resolve_warehouse().location),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": os.environ.get("DBT_SEND_ANONYMOUS_USAGE_STATS", "false"),
        "DBT_USE_COLORS": "false",
    }
    mount = [["run-operation", "mount_lake"]] if lake else []
    for command in (*mount, ["build", "--exclude-resource-type", "unit_test", *arguments]):
        done = subprocess.run(  # noqa: S603
            [_dbt(), *command],
            cwd=root, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            output = done.stdout + done.stderr
            raise LlmAnalyticsError(
                f"dbt {command[0]}: {_first_failure(output)}"
            ) from RuntimeError(output)


def _absolute(location: str) -> str:
    return location if "://" in location else str(Path(location).absolute())


def _first_failure(output: str) -> str:
    """The line of dbt's output that says best what went wrong."""
    lines = [re.sub(r"^[0-9:]+\s*", "", line).strip() for line in output.splitlines()]
    for sign in (r"^(Failure|.* Error) in ", r" ERROR |\bFAIL \d", r"(?i)\berror\b"):
        for line in lines:
            if re.search(sign, line):
                return line
    return next((line for line in reversed(lines) if line), "failed without a word")


def not_computable() -> list[dict[str, Any]]:
    """Metrics that what is loaded cannot support, and the fields that would change that."""
    rows = read_mart("metric_computability", order_by="metric")
    return [row for row in rows if not row["is_computable"]]


def _print_missing(rows: list[dict[str, Any]]) -> None:
    console = Console()
    if not rows:
        console.print("Every metric can be computed.")
        return
    by_missing: dict[str, list[str]] = {}
    for row in rows:
        by_missing.setdefault(str(row["missing"]), []).append(row["metric"].replace("_", " "))
    console.print("What could not be computed, and what would change that")
    for missing, metrics in sorted(by_missing.items()):
        console.print(f"  {missing}\n    → {', '.join(metrics)}", markup=False)


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("run")
    def run_command(
        paths: Annotated[
            list[str], typer.Argument(metavar="PATH...", help="Files, folders or patterns.")
        ],
        text: Annotated[
            TextPolicy | None,
            typer.Option(help="What happens to all texts, instead of by the privacy policy."),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Load what a team already logs, whatever its source, build all marts, and show the result.

        Exit status: 0 done, 3 done but some records were quarantined, 1 failed.
        """
        reports: list[LoadReport] = []
        for source, files in files_by_source(paths).items():
            options = LoadOptions(Policy.of_source(source, find_source(source).streams, text))
            report = load_with_progress(source, files, options, as_json)
            reports.append(report)
            if not as_json:
                print_report(report, options.lake or resolve_warehouse().label)
        if not as_json:
            Console().print("Building and testing the models …")
        build()
        headline, missing = read_headline(), not_computable()
        if as_json:
            result = {
                "loads": [report.as_json() for report in reports],
                "headline": headline,
                "not_computable": missing,
            }
            json.dump(result, sys.stdout, indent=2, default=str)
            sys.stdout.write("\n")
        else:
            print_headline(headline)
            _print_missing(missing)
        if any(report.n_quarantined for report in reports):
            raise typer.Exit(EXIT_QUARANTINED)
