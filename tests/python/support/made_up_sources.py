"""Two sources that no team has, written into a copy of the project: a tracer and a gateway.

What lands of them is what the canonical stream holds, so that a test says directly what a source
would; how real sources map to it is what their golden files tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from support.project import DbtProject
from support.raw_tables import create_raw_tables

#: The sources and their streams.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "tracer": ("responses", "spans"),
    "gateway": ("responses",),
}
_SPANS = ("event_id", "trace_id", "span_id", "parent_span_id", "load_seq")


def _type_of(column: str) -> str:
    """The type of a canonical column, by its name."""
    if column.endswith("_at"):
        return "timestamp"
    if column.startswith(("is_", "implies_")):
        return "boolean"
    if column == "temperature":
        return "decimal(18, 6)"
    if column.endswith("_usd"):
        return "decimal(24, 12)"
    numbers = ("_tokens", "_ms", "_length", "_count", "_number", "_turn", "_seq", "_version")
    is_name = column in ("app_version", "prompt_version", "model_version")
    is_number = column.endswith(numbers) or "signature" in column or column == "tokens_used"
    return "bigint" if is_number and not is_name else "text"


def _type_for_dbt(column: str) -> str:
    """The same as an expression of Jinja: Spark has another word for text."""
    declared = _type_of(column)
    return "dbt.type_string()" if declared == "text" else f"'{declared}'"


def _columns(project: DbtProject, stream: str) -> list[str]:
    if stream == "spans":
        return [name for name in _SPANS if name != "event_id"]
    model = project.root / "models/intermediate/unioned" / f"int_{stream}__unioned.yml"
    lines = model.read_text(encoding="utf-8").splitlines()
    names = [line.split(": ")[1] for line in lines if line.startswith("      - name: ")]
    return [name for name in names if name != "source"]


def write_sources(project: DbtProject) -> None:
    """Add the sources to the project: their views, and their line in the list of sources."""
    macro = project.root / "macros/staging/sources.sql"
    text = macro.read_text(encoding="utf-8")
    start = "{% macro source_streams() %}\n    {%- set streams = {\n"
    assert start in text
    entries = "".join(f"        '{name}': {list(streams)},\n" for name, streams in SOURCES.items())
    macro.write_text(text.replace(start, start + entries), encoding="utf-8")
    for source, streams in SOURCES.items():
        folder = project.root / "models/staging" / source
        folder.mkdir()
        tables = [{"name": f"{source}_{stream}", "description": "Records."} for stream in streams]
        declared = {"sources": [{"name": "raw", "schema": "raw", "tables": tables}]}
        # One declaration of a source name is enough for dbt, and JSON is YAML.
        (folder / f"_{source}__sources.yml").write_text(
            json.dumps(declared).replace('"name": "raw"', f'"name": "raw_{source}"')
        )
        for stream in streams:
            names = _columns(project, stream)
            typed = ", ".join(f"'{name}': {_type_for_dbt(name)}" for name in names)
            (folder / f"stg_{source}__{stream}.sql").write_text(
                f"select '{source}' as source, landed.* from (\n"
                "{{ llm_analytics.landed(source('raw_" + source + f"', '{source}_{stream}'), "
                "{" + typed + "}) }}\n) as landed\n"
            )


def create_tables(project: DbtProject) -> None:
    """Create the raw tables of the sources and of events."""
    create_raw_tables(project)
    for source, streams in SOURCES.items():
        for stream in streams:
            columns = ", ".join(f"{name} {_type_of(name)}" for name in _columns(project, stream))
            project.execute(f"create table raw.{source}_{stream} ({columns})")


def land(project: DbtProject, table: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Land records of a raw table as they are."""
    statements = []
    for record in records:
        names = ", ".join(record)
        values = ", ".join(map(_literal, record.values()))
        statements.append(f"insert into raw.{table} ({names}) values ({values})")
    if statements:
        project.execute(*statements)


def log_load(project: DbtProject, load_seq: int, source: str) -> None:
    """Log a load of a source."""
    project.execute(
        "insert into raw.loads (load_seq, loaded_at, source, policy, is_keyed, n_lines, n_blank,"
        " n_accepted, n_duplicates, n_quarantined, n_files) values"
        f" ({load_seq}, timestamp '2025-06-01 00:00:0{load_seq}', '{source}', 'drop', false,"
        " 0, 0, 0, 0, 0, 1)"
    )


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f"'{value}'"


def source_folder(project: DbtProject, source: str) -> Path:
    """The folder of a source's views in a project."""
    return project.root / "models/staging" / source
