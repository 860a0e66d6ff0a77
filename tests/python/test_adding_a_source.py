"""The end of docs/sources.md, typed into a clone: its source has the rows of its golden files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from support.golden import check_columns, check_quarantine, check_rows
from support.pages import commands_of, files_of
from support.project import DbtProject


def test_the_source_of_the_page_gives_the_rows_worked_out_by_hand(
    root: Path, project_copy: DbtProject
) -> None:
    clone = project_copy.root
    shutil.copytree(root / "scripts", clone / "scripts")
    page = (root / "docs/sources.md").read_text(encoding="utf-8").split("## Adding a source")[1]
    files = files_of(page)
    (source,) = {Path(path).parent.name for path in files if path.startswith("models/")}
    assert len(files) == 8
    for path, text in files.items():
        target = clone / path
        assert not target.exists(), "the page adds a source that is there already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (line,) = re.findall(r"```jinja\n(.*?\n)```", page)
    listed = clone / "macros/staging/sources.sql"
    start = "{%- set streams = {\n"
    text = listed.read_text(encoding="utf-8")
    assert text.count(start) == 1
    listed.write_text(text.replace(start, start + line), encoding="utf-8")

    load, build = commands_of(page)
    program, *arguments = shlex.split(load)
    assert program == "llm-analytics"
    done = subprocess.run(
        [sys.executable, "-m", "llm_analytics", *arguments],
        cwd=clone,
        env={**os.environ, **project_copy.environment, "PYTHONPATH": str(clone / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    program, *arguments = shlex.split(build)
    assert program == "dbt"
    project_copy.dbt(*arguments)

    golden = clone / "tests/python/sources" / source
    check_rows(golden, project_copy)
    check_quarantine(golden, project_copy)
    check_columns(golden, project_copy)
    rows = project_copy.query("select event_id from intermediate.int_feedback__unioned order by 1")
    assert rows == [(f"{source}:r1",), (f"{source}:r2",)]
