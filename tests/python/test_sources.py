"""The conformance kit: golden native files of each source give the rows worked out by hand.

A folder of tests/python/sources is a source: `input.*` as the source writes it, `expected/*.json`
the canonical rows of each stream (without what is NULL), and `expected/quarantine.json` the reasons
and details of what is refused. The rows are written from the format's reference, not from the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.project import ROOT, DbtProject

GOLDEN = sorted(path for path in (ROOT / "tests/python/sources").glob("*") if path.is_dir())
#: What depends on the key of the hash, and on the number of loads before.
UNCOMPARED = ("text_signature_1", "text_signature_2", "load_seq")

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


def canonical_streams() -> list[str]:
    """The canonical streams: those of the tracking plan."""
    return [path.stem for path in sorted((ROOT / "docs/tracking_plan").glob("*.json"))]


def staged_streams(source: str) -> list[str]:
    """The canonical streams that a source has a view for."""
    folder = ROOT / "models/staging" / source
    names = {path.stem.removeprefix(f"stg_{source}__") for path in folder.glob("*.sql")}
    return [stream for stream in canonical_streams() if stream in names]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A canonical row as the expected files write it: without NULLs, times and decimals as text."""
    return {
        name: value.isoformat(sep=" ")
        if isinstance(value, datetime)
        else format(value.normalize(), "f")
        if isinstance(value, Decimal)
        else value
        for name, value in row.items()
        if value is not None and not name.endswith(UNCOMPARED)
    }


def like(expected: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """An expected row with its times and decimals written as those of the row are."""
    written = dict(expected)
    for name, value in expected.items():
        if isinstance(row.get(name), datetime):
            moment = datetime.fromisoformat(value.replace("Z", ""))
            written[name] = moment.isoformat(sep=" ")
        elif isinstance(row.get(name), Decimal):
            written[name] = format(Decimal(str(value)).normalize(), "f")
    return written


@pytest.mark.dbt
@each_source
def test_golden_files_give_the_rows_worked_out_by_hand(golden: Path, loaded: DbtProject) -> None:
    for stream in staged_streams(golden.name):
        rows = loaded.records(f"select * from staging.stg_{golden.name}__{stream}")
        found = {row["event_id"]: row for row in rows}
        assert len(found) == len(rows), f"{stream}: an id twice"
        file = golden / "expected" / f"{stream}.json"
        expected = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        wanted = {row["event_id"]: like(row, found.get(row["event_id"], {})) for row in expected}
        assert len(wanted) == len(expected), f"{stream}: an id twice in {file.name}"
        assert {key: plain(row) for key, row in found.items()} == wanted, stream


@pytest.mark.dbt
@each_source
def test_what_is_malformed_is_quarantined_with_its_reason(golden: Path, loaded: DbtProject) -> None:
    file = golden / "expected" / "quarantine.json"
    expected = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    found = loaded.query(
        "select q.reason, q.detail from raw.quarantine as q inner join raw.loads as l"
        f" on l.load_seq = q.load_seq where l.source = '{golden.name}'"
    )
    assert sorted(map(str, map(list, found))) == sorted(map(str, expected))


@pytest.mark.dbt
@each_source
def test_the_views_of_a_source_have_the_columns_of_the_canonical_streams(
    golden: Path, loaded: DbtProject
) -> None:
    for stream in staged_streams(golden.name):
        shapes = [
            loaded.query(
                "select column_name, data_type from information_schema.columns"
                f" where table_name = '{view}' order by ordinal_position"
            )
            for view in (f"stg_{golden.name}__{stream}", f"stg_events__{stream}")
        ]
        assert shapes[0] == shapes[1], stream


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
