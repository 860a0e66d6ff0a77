"""docs/extending.md, typed into a clone: its metric is built, and has the values worked by hand."""

from __future__ import annotations

import json
import shlex
from datetime import date
from pathlib import Path
from typing import Any

from support.pages import commands_of, files_of
from support.project import DbtProject


def test_the_metric_of_the_page_has_the_values_worked_by_hand(
    root: Path, project_copy: DbtProject, tmp_path: Path
) -> None:
    page = (root / "docs" / "extending.md").read_text(encoding="utf-8")
    files = files_of(page)
    assert [Path(path).suffix for path in files] == [".sql", ".yml"]
    (model,) = {Path(path).stem for path in files}
    for path, text in files.items():
        target = project_copy.root / path
        assert not target.exists(), "the page adds a model that is there already"
        target.write_text(text, encoding="utf-8")

    # Ann asks twice on Monday and once at the end of Sunday; Bob twice, and regenerates an answer,
    # which is no message. Nobody asks in the next week, and the third has only begun.
    queries: list[dict[str, Any]] = [
        {"timestamp": "2025-01-06T00:00:00Z", "user_id": "ann"},
        {"timestamp": "2025-01-06T09:00:00Z", "user_id": "ann"},
        {"timestamp": "2025-01-12T23:59:59Z", "user_id": "ann"},
        {"timestamp": "2025-01-08T12:00:00Z", "user_id": "bob"},
        {"timestamp": "2025-01-08T12:05:00Z", "user_id": "bob"},
        {"timestamp": "2025-01-08T12:06:00Z", "user_id": "bob", "query_kind": "regenerate"},
        {"timestamp": "2025-01-08T12:07:00Z"},
        {"timestamp": "2025-01-20T00:00:00Z", "user_id": "ann"},
    ]
    events = tmp_path / "queries.jsonl"
    events.write_text("".join(json.dumps(query) + "\n" for query in queries))
    project_copy.command("load", events)

    commands = commands_of(page)
    assert commands[0] == f"dbt build --select +{model}"
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "dbt"
        project_copy.dbt(*arguments)

    assert project_copy.query(f"select * from marts.{model} order by 1") == [
        (date(2025, 1, 6), 2, 5, 2.5, True),
        (date(2025, 1, 13), 0, 0, None, True),
        (date(2025, 1, 20), 1, 1, 1.0, False),
    ]
    results = json.loads((project_copy.target_path / "manifest.json").read_text())
    assert any(test["model"] == model for test in results["unit_tests"].values())
