"""Where a schedule runs: the image, and the workflow of docs/operation.md, as far as they can here.

No container is built: what the Dockerfile would copy is copied, and its commands are run.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
import yaml

from load_helpers import query_event, write_lines
from support.project import ROOT


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: words and what follows them."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    (given,) = (rest for word, rest in instructions() if word == "ENV")
    return dict(pair.split("=", 1) for pair in shlex.split(given))


def copied_files() -> list[str]:
    """What `COPY . .` takes: the files of the project but those that .dockerignore names."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]

    def is_ignored(path: str) -> bool:
        parts = path.split("/")
        return any(
            fnmatch.fnmatchcase("/".join(parts[: n + 1]), pattern)
            or (pattern.startswith("**/") and fnmatch.fnmatchcase(parts[n], pattern[3:]))
            for n in range(len(parts))
            for pattern in patterns
        )

    return [path for path in listed if not is_ignored(path) and (ROOT / path).is_file()]


def workflow() -> dict[str, Any]:
    """The workflow of the page."""
    page = (ROOT / "docs/operation.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    found: dict[str, Any] = yaml.safe_load(block)
    return found


def copy_files(paths: list[str], destination: Path) -> Path:
    """Copy files of the project to a folder."""
    for path in paths:
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, destination / path)
    return destination


def run_line(line: str, cwd: Path, env: dict[str, str]) -> None:
    """Run a line of shell, as a runner would."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", line],  # noqa: S607
        cwd=cwd, env={**kept, **pip, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def test_the_image_runs_the_schedule_without_rights() -> None:
    found = instructions()
    words = [word for word, _ in found]
    assert dict(found)["FROM"].startswith("python:3.1")
    assert dict(found)["USER"] == "analytics"
    assert words.index("USER") > max(n for n, word in enumerate(words) if word == "RUN")
    assert all(
        value.startswith("/data/")
        for name, value in image_environment().items()
        if name.endswith(("_PATH", "WAREHOUSE"))
    )
    (entrypoint,) = yaml.safe_load(dict(found)["ENTRYPOINT"])
    assert os.access(ROOT / entrypoint, os.X_OK)
    assert not any("KEY" in name or "NOTIFY" in name for name in image_environment())


def test_the_image_holds_what_dbt_and_the_command_read_and_no_data() -> None:
    files = copied_files()
    for needed in ("dbt_project.yml", "requirements/base.txt", "scripts/daily.sh", "tests/dbt"):
        assert any(path == needed or path.startswith(f"{needed}/") for path in files), needed
    assert not [path for path in files if path.startswith((".git/", ".venv/", "build/"))]
    assert not [path for path in files if path.startswith("tests/python/")]


def test_actions_of_the_workflow_are_pinned_and_it_may_only_read() -> None:
    found = workflow()
    assert found["permissions"] == {"contents": "read"}
    ci = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    for step in found["jobs"]["build"]["steps"]:
        if "uses" in step:
            assert re.search(r"@[0-9a-f]{40}$", step["uses"])
            assert step["uses"] in ci, "the version that CI uses"


@pytest.mark.long
def test_what_the_image_would_run_builds_a_warehouse(tmp_path: Path) -> None:
    home = copy_files(copied_files(), tmp_path / "image")
    data = tmp_path / "data"
    data.mkdir()
    env = {name: value.replace("/data/", f"{data}/") for name, value in image_environment().items()}
    (made,) = (
        rest for word, rest in instructions() if word == "RUN" and not rest.startswith("useradd")
    )
    run_line(made, home, env)
    before = {path for path in home.rglob("*") if "__pycache__" not in path.parts}
    write_lines(tmp_path / "exports/queries.jsonl", [query_event(1)])
    run_line(f"scripts/daily.sh {tmp_path}/exports", home, env)
    with duckdb.connect(env["LLM_ANALYTICS_WAREHOUSE"], read_only=True) as database:
        assert database.execute("select count(*) from marts.fct_interactions").fetchall() == [(1,)]
    after = {path for path in home.rglob("*") if "__pycache__" not in path.parts}
    assert after == before, "written where the user of the image may not"


@pytest.mark.long
def test_the_workflow_of_the_page_builds_a_warehouse(
    tmp_path: Path, fresh_postgres_database: str
) -> None:
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    home = copy_files([path for path in listed if (ROOT / path).is_file()], tmp_path / "checkout")
    # In place of the bucket's client: it brings one file.
    write_lines(tmp_path / "bucket/queries.jsonl", [query_event(1)])
    aws = tmp_path / "bin/aws"
    aws.parent.mkdir()
    aws.write_text(f'#!/bin/sh\nmkdir -p "$4" && cp {tmp_path}/bucket/* "$4"\n')
    aws.chmod(0o755)
    env = {
        "LLM_ANALYTICS_WAREHOUSE": fresh_postgres_database,
        "PATH": f"{aws.parent}{os.pathsep}{os.environ['PATH']}",
        "EXPORTS": "s3://bucket/exports",
    }
    job = workflow()["jobs"]["build"]
    assert env.keys() - {"PATH"} <= job["env"].keys()
    for step in job["steps"]:
        if "run" in step:
            run_line(step["run"], home, env)
    connection = psycopg2.connect(fresh_postgres_database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from marts.fct_interactions")
            assert cursor.fetchone() == (1,)
    finally:
        connection.close()
