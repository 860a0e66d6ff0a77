"""A copy of the project with invented seeds, and fresh warehouses for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from support.project import DbtProject, copy_project
from support.small_seeds import write_small_seeds


def small_project(folder: Path, sources: Sequence[str] | None = ()) -> DbtProject:
    """The copy, with events and these sources alone (None: all), since views take their time.

    Its warehouses come from `at`; its manifest is parsed once.
    """
    root = copy_project(folder / "project")
    if sources is not None:
        with (root / "dbt_project.yml").open("a", encoding="utf-8") as file:
            file.write(f"\nvars: {{llm_analytics_sources: {list(sources)}}}\n")
    write_small_seeds(root)
    return DbtProject(root, str(folder / "warehouse.duckdb"), folder / "dbt")


def at(project: DbtProject, folder: Path) -> DbtProject:
    """The same project with a fresh warehouse. DuckDB keeps an old one of this process by path."""
    folder.mkdir(parents=True)
    return replace(project, warehouse=str(folder / "warehouse.duckdb"))
