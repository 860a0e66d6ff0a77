"""docs/guide_coverage.md: what it names exists, and it leaves no bullet of the guide out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.cli import _COMMANDS
from support.project import DbtProject

#: How a row says that there is nothing yet, or will not be.
EXCUSES = re.compile(r"not yet|out of scope because \w+")
#: Backticked words that are neither a model, a command, a file nor a test.
PLAIN_WORDS = {"LLM_ANALYTICS_WAREHOUSE", "core"}

Row = tuple[str, str, str]


@pytest.fixture(scope="module")
def rows(root: Path) -> list[Row]:
    page = (root / "docs" / "guide_coverage.md").read_text(encoding="utf-8")
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split(" | "))
        for line in page.splitlines()
        if line.startswith("| ")
    ]
    return [
        (what, where, test.rstrip(" |"))
        for what, where, test in cells
        if what not in ("bullet", "pitfall", "event")
    ]


@pytest.fixture(scope="module")
def manifest(make_project: Callable[[Path], DbtProject], tmp_path_factory: Any) -> Any:
    return make_project(tmp_path_factory.mktemp("coverage")).manifest()


def names(cell: str) -> list[str]:
    """The words of a cell in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def key(bullet: str) -> str:
    """What a row calls a bullet: its name where it has one before a colon, else all of it."""
    return bullet if "?" in bullet else bullet.partition(":")[0]


def test_everything_that_a_row_names_exists(rows: list[Row], manifest: Any, root: Path) -> None:
    columns = {
        node.name: set(node.columns)
        for node in manifest.nodes.values()
        if str(node.resource_type) in ("model", "seed")
    }

    def exists(name: str) -> bool:
        if name.startswith("llm-analytics "):
            return name.split()[1] in _COMMANDS
        model, _, column = name.partition(".")
        if model in columns:
            return not column or column in columns[model]
        return name in PLAIN_WORDS or (root / name).exists()

    wrong = [name for _, where, _ in rows for name in names(where) if not exists(name)]
    assert wrong == []


def test_every_test_that_a_row_names_exists(rows: list[Row], manifest: Any, root: Path) -> None:
    unit_tests = {test.name for test in manifest.unit_tests.values()}

    def exists(name: str) -> bool:
        file, _, function = name.partition("::")
        path = root / "tests" / "python" / file
        if not file.endswith(".py"):
            return name in unit_tests
        return path.exists() and (not function or f"def {function}(" in path.read_text())

    wrong = [name for _, _, test in rows for name in names(test) if not exists(name)]
    assert wrong == []


def test_no_row_is_silent(rows: list[Row]) -> None:
    """A row has a place and a test, or says why not."""
    for what, where, test in rows:
        assert names(where) or EXCUSES.search(where), what
        assert names(test) or EXCUSES.match(where), f"{what}: which test?"


def test_every_bullet_of_the_guide_has_a_row(rows: list[Row], shared: Path) -> None:
    guide = (shared / "guide_llm_product_analytics.txt").read_text(encoding="utf-8")
    bullets = re.findall(r"^ +(?:•|\d+\.) (.+)$", guide, re.MULTILINE)
    events = re.findall(r"^track\('(\w+)'", guide, re.MULTILINE)
    pitfalls = re.findall(r"^(.+)\n\nThe Problem:", guide, re.MULTILINE)
    assert (len(bullets), len(events), len(pitfalls)) == (118, 3, 4)
    covered = [what for what, _, _ in rows]
    missing = {*map(key, bullets), *events, *pitfalls} - set(covered)
    assert missing == set()
    # Named twice in the guide, twice in the page.
    assert len(covered) == len(bullets) + len(events) + len(pitfalls)
