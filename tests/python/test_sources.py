"""The conformance kit: golden native files of each source give the rows worked out by hand.

A folder of tests/python/sources is a source: `input.*` as the source writes it, `expected/*.json`
the canonical rows of each stream (without what is NULL), and `expected/quarantine.json` the reasons
and details of what is refused. The rows are written from the format's reference, not from the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.golden import canonical_streams, check_columns, check_quarantine, check_rows
from support.project import ROOT, DbtProject

GOLDEN = sorted(path for path in (ROOT / "tests/python/sources").glob("*") if path.is_dir())
each_source = pytest.mark.parametrize("golden", GOLDEN, ids=[path.name for path in GOLDEN])


@pytest.fixture(scope="module")
def loaded(
    make_project: Callable[[Path], DbtProject], tmp_path_factory: pytest.TempPathFactory
) -> DbtProject:
    """All golden files of all sources in one warehouse, with the staging views on them."""
    project = make_project(tmp_path_factory.mktemp("sources"))
    for golden in GOLDEN:
        project.load("--source", golden.name, *sorted(golden.glob("input*")))
    project.dbt("run", "--select", "staging", *(f"int_{s}__unioned" for s in canonical_streams()))
    return project


@pytest.mark.dbt
@each_source
def test_golden_files_give_the_rows_worked_out_by_hand(golden: Path, loaded: DbtProject) -> None:
    check_rows(golden, loaded)


@pytest.mark.dbt
@each_source
def test_what_is_malformed_is_quarantined_with_its_reason(golden: Path, loaded: DbtProject) -> None:
    check_quarantine(golden, loaded)


@pytest.mark.dbt
@each_source
def test_the_views_of_a_source_have_the_columns_of_the_canonical_streams(
    golden: Path, loaded: DbtProject
) -> None:
    check_columns(golden, loaded)


@each_source
def test_a_source_has_schemas_that_name_their_reference_and_a_guide(golden: Path) -> None:
    schemas = sorted((ROOT / "docs/sources" / golden.name).glob("*.json"))
    assert schemas
    for path in schemas:
        schema = json.loads(path.read_text(encoding="utf-8"))
        assert schema["x-event"] == f"{golden.name}.{schema['x-stream']}", path
        assert schema["x-reference"].startswith("https://"), path
        assert schema["x-version"], path
        missing = [k for k, v in schema["properties"].items() if not v.get("description")]
        assert missing == [], path
        # PostgreSQL cuts longer names, and would then not find the column.
        assert max(map(len, schema["properties"])) <= 63, path
    assert (ROOT / "docs/sources" / f"{golden.name}.md").is_file()


def test_every_source_has_golden_files() -> None:
    assert [path.name for path in GOLDEN] == sorted(
        path.name for path in (ROOT / "docs/sources").iterdir() if path.is_dir()
    )
