"""Exports of Langfuse and of the Collector in all their formats, and which records are whose."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llm_analytics.loading.load import LoadOptions, LoadReport, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.sources import langfuse, otlp
from llm_analytics.sources.registry import find_source, source_names
from llm_analytics.sources.values import snake_case
from llm_analytics.warehouse import Warehouse
from load_helpers import rows, write_lines

GOLDEN = Path(__file__).parent / "sources"


def load_source(
    warehouse: Path, source: str, *paths: Path, text: str = "drop", key: bytes | None = None
) -> LoadReport:
    """Load files of a source."""
    options = LoadOptions(Policy(TextPolicy(text), key))
    names = [str(path) for path in paths]
    return load(find_source(source), names, Warehouse(str(warehouse)), options)


def landed(warehouse: Path, table: str) -> Counter[tuple[Any, ...]]:
    """The rows of a raw table without where they came from, as a multiset."""
    sql = f"select * exclude (load_seq, file_number, line_number) from raw.{table}"
    return Counter(rows(warehouse, sql))


def valid_observations() -> list[dict[str, Any]]:
    """The golden observations that are whole."""
    lines = (GOLDEN / "langfuse" / "input_observations_v2.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return [record for record in records if not record["id"].startswith("x") and record["id"]]


@pytest.fixture(scope="module")
def as_lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file of observations, and a warehouse that holds it."""
    folder = tmp_path_factory.mktemp("lines")
    path = write_lines(folder / "observations.jsonl", valid_observations())
    report = load_source(folder / "w.duckdb", "langfuse", path)
    assert report.n_quarantined == 0
    assert report.landed == {"observations": len(valid_observations())}
    return path, folder / "w.duckdb"


@pytest.mark.parametrize("file_format", ["parquet", "csv", "json"])
def test_every_format_of_an_export_lands_the_same(
    as_lines: tuple[Path, Path], tmp_path: Path, file_format: str
) -> None:
    path = tmp_path / f"observations.{file_format}"
    if file_format == "json":
        path.write_text(json.dumps(valid_observations(), indent=1))
    else:
        # As the export writes them: Parquet with maps, CSV with JSON in its cells.
        kinds = column_types()
        if file_format == "csv":
            kinds |= {name: "json" for name, kind in kinds.items() if kind[-1] in ")]"}
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
        rows_of = f"select * from read_json('{as_lines[0]}', columns = {{{columns}}})"
        duckdb.sql(f"copy ({rows_of}) to '{path}'")
    report = load_source(tmp_path / "w.duckdb", "langfuse", path)
    assert report.reasons == {}
    expected = landed(as_lines[1], "langfuse_observations")
    assert landed(tmp_path / "w.duckdb", "langfuse_observations") == expected


def column_types() -> dict[str, str]:
    """How Langfuse types the columns of an export."""
    kinds = {
        "start_time": "timestamp", "end_time": "timestamp", "completion_start_time": "timestamp",
        "created_at": "timestamp", "updated_at": "timestamp", "latency": "double",
        "time_to_first_token": "double", "total_cost": "double", "prompt_version": "bigint",
        "metadata": "json", "usage_details": "map(varchar, bigint)",
        "cost_details": "map(varchar, double)", "tool_calls": "varchar[]",
        "tool_call_names": "varchar[]",
    }  # fmt: skip
    return {name: kinds.get(name, "varchar") for name in valid_observations()[0]}


def test_windows_may_overlap(as_lines: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = valid_observations()[:4], valid_observations()[2:]
    windows = [write_lines(tmp_path / "1.jsonl", first), write_lines(tmp_path / "2.jsonl", second)]
    reports = [load_source(tmp_path / "w.duckdb", "langfuse", path) for path in windows]
    assert [sum(file.n_duplicates for file in report.files) for report in reports] == [0, 2]
    expected = landed(as_lines[1], "langfuse_observations")
    assert landed(tmp_path / "w.duckdb", "langfuse_observations") == expected


def test_camel_case_is_the_same_as_snake_case(as_lines: tuple[Path, Path], tmp_path: Path) -> None:
    def camel(name: str) -> str:
        head, *rest = name.split("_")
        return head + "".join(word.capitalize() for word in rest)

    records = [{camel(key): value for key, value in row.items()} for row in valid_observations()]
    path = write_lines(tmp_path / "observations.jsonl", records)
    load_source(tmp_path / "w.duckdb", "langfuse", path)
    expected = landed(as_lines[1], "langfuse_observations")
    assert landed(tmp_path / "w.duckdb", "langfuse_observations") == expected


@pytest.mark.parametrize("source", ["langfuse", "otlp"])
def test_no_text_and_no_id_lands_under_the_policy(source: str, tmp_path: Path) -> None:
    files = sorted((GOLDEN / source).glob("input*"))
    kept, dropped = tmp_path / "kept.duckdb", tmp_path / "dropped.duckdb"
    load_source(kept, source, *files, text="keep")
    load_source(dropped, source, *files, key=b"secret")
    secrets = ("parcel", "On its way", "u-1", "u-2", "Quick!", "Too slow", "Sum it up")
    shown, hidden = (
        {
            value
            for (table,) in rows(warehouse, "select table_name from information_schema.tables")
            for row in landed_all(warehouse, str(table))
            for value in row
            if isinstance(value, str)
        }
        for warehouse in (kept, dropped)
    )
    found = {secret for secret in secrets if any(secret in value for value in shown)}
    assert len(found) >= 5, "the golden files hold them"
    assert {secret for secret in secrets if any(secret in value for value in hidden)} == set()


def landed_all(warehouse: Path, table: str) -> list[tuple[Any, ...]]:
    """All rows of a raw table, those of the loads' log included."""
    return rows(warehouse, f"select * exclude (load_seq) from raw.{table}")


def test_each_record_is_recognised_by_its_own_source_alone() -> None:
    ours = {"langfuse", "otlp"}
    for golden in sorted(GOLDEN.iterdir()):
        for path in sorted([*golden.glob("input*.jsonl"), *golden.glob("input*.json")]):
            first, _ = json.JSONDecoder().raw_decode(path.read_text())
            native = first[0] if isinstance(first, list) else first
            sources = [find_source(name) for name in source_names()]
            recognised = {
                source.name
                for source in sources
                if source.unpacker is not None and source.unpacker.recognises(native)
            }
            if golden.name in ours:
                assert recognised == {golden.name}, path
            else:
                assert not recognised & ours, path


def test_every_attribute_that_is_read_is_declared() -> None:
    spans = find_source("otlp").streams["spans"].by_name
    names = {snake_case(key) for key in (*otlp.RESOURCE, *otlp.NAMES, *otlp.NUMBERS)}
    assert names <= spans.keys()
    observations = find_source("langfuse").streams["observations"].by_name
    keys = {f"usage_details_{snake_case(key)}" for key in langfuse.USAGE}
    assert (
        keys | {f"metadata_{snake_case(key)}" for key in langfuse.METADATA} <= observations.keys()
    )


def test_every_declared_field_is_read_by_a_staging_view(root: Path) -> None:
    #: Landed to be looked at, or to be joined by a product's own models.
    unread = {
        "span_name", "span_kind", "scope_version", "project_id", "created_at", "name",
        "annotation_explanation", "gen_ai_evaluation_explanation", "comment_text", "input_text",
        "output_text", "event", "timestamp", "release", "version", "data_type",
    }  # fmt: skip
    for source in ("langfuse", "otlp"):
        folder = root / "models/staging" / source
        sql = "".join(path.read_text() for path in folder.glob("*.sql"))
        declared = {name for s in find_source(source).streams.values() for name in s.by_name}
        assert {name for name in declared - unread if name not in sql} == set()
