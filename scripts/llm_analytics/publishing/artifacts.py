"""What dbt's artifacts say: did the last build pass, and which columns may be published."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.warehouse import project_root

#: A saved query has nothing to do in a build: no-op.
_PASSED = {"success", "pass", "warn", "no-op"}
#: Values of meta.pii that may leave the warehouse; a column with any other stays in it.
_NONE, _PSEUDONYM, _RAW = "none", "pseudonym", "raw"


#: What says how far a build reaches, and which ids it holds.
_INPUTS = {"int_load_horizon", "int_as_of", "int_table_loads"}


@dataclass(frozen=True)
class Column:
    """A column of a mart, as its YAML describes it."""

    name: str
    description: str
    pii: str


@dataclass(frozen=True)
class SmallCells:
    """How a mart of figures about users is cut, as its YAML says in `meta.small_cells`.

    Cells of `dims` add up, within each value of the columns `within`; `count` is how many users a
    cell is about.
    """

    within: tuple[str, ...]
    dims: tuple[str, ...]
    count: str

    @property
    def keys(self) -> tuple[str, ...]:
        """What tells the rows apart; they stay where the figures are withheld."""
        return self.within + self.dims


@dataclass(frozen=True)
class Mart:
    """A public model: where it is in the warehouse, and what its columns hold."""

    name: str
    schema: str
    description: str
    columns: tuple[Column, ...]
    small_cells: SmallCells | None = None

    def published_columns(self, has_keyed_ids: bool) -> list[Column]:
        """Columns that may leave: never raw ones, and pseudonyms only if they are keyed."""
        allowed = {_NONE, _PSEUDONYM} if has_keyed_ids else {_NONE}
        return [column for column in self.columns if column.pii in allowed]


@dataclass(frozen=True)
class Metric:
    """The contract of a metric, as the YAML of its mart declares it in `meta.metrics`."""

    name: str
    title: str
    mart: str
    numerator: str
    denominator: str
    window: str
    source: str
    example: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Build:
    """A `dbt build` that passed, with everything that may be published of it."""

    invocation_id: str
    built_at: str
    project_version: str
    #: The warehouse, as dbt and its views name it.
    database: str
    #: Where the models of `_INPUTS` are, as schema.name; without those that are not enabled.
    inputs: Mapping[str, str]
    marts: tuple[Mart, ...]
    metrics: tuple[Metric, ...]


def artifacts_folder() -> Path:
    """Where dbt writes: DBT_TARGET_PATH, else the project's folder `target`."""
    named = os.environ.get("DBT_TARGET_PATH", "").strip()
    return Path(named) if named else project_root() / "target"


def read_build(folder: Path) -> Build:
    """The last build, from manifest.json and run_results.json.

    Raises LlmAnalyticsError unless the last thing that dbt did there was a whole build of which
    every model, seed and test passed.
    """
    manifest = _read(folder / "manifest.json")
    results = _read(folder / "run_results.json")
    command = str(results["args"].get("which", "unknown"))
    if command != "build":
        raise LlmAnalyticsError(f"the last dbt command was `{command}`: run `dbt build` first")
    invocation = str(results["metadata"]["invocation_id"])
    if manifest["metadata"]["invocation_id"] != invocation:
        raise LlmAnalyticsError(
            "dbt has run since the last build, or broke off: run `dbt build` first"
        )
    if not any(_is_public(node) for node in manifest["nodes"].values()):
        raise LlmAnalyticsError("the project has no public model: there is nothing to publish")
    statuses = {str(item["unique_id"]): str(item["status"]) for item in results["results"]}
    failed = sorted(name for name, status in statuses.items() if status not in _PASSED)
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise LlmAnalyticsError(f"the last build did not pass: {_short(failed[0])}{more}")
    public = {key: node for key, node in manifest["nodes"].items() if _is_public(node)}
    checks = (
        key
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "test" and set(node["depends_on"]["nodes"]) & public.keys()
    )
    missing = sorted(key for key in (*public, *checks) if key not in statuses)
    if missing:
        raise LlmAnalyticsError(
            f"the last build was a part of the project, without {_short(missing[0])}:"
            " run `dbt build` first"
        )
    marts = [_mart(node) for node in public.values()]
    names = [mart.name for mart in marts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise LlmAnalyticsError(f"two public models are named {twice[0]}")
    return Build(
        invocation_id=invocation,
        built_at=str(results["metadata"]["generated_at"]),
        project_version=str(manifest["metadata"].get("project_version") or _version()),
        database=str(next(iter(public.values()))["database"]),
        inputs={
            str(node["name"]): f'"{node["schema"]}"."{node.get("alias") or node["name"]}"'
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model" and node["name"] in _INPUTS
        },
        marts=tuple(sorted(marts, key=lambda mart: mart.name)),
        metrics=tuple(sorted(_metrics(public.values()), key=lambda metric: metric.name)),
    )


def _version() -> str:
    from llm_analytics.cli import installed_version

    return installed_version()


def _is_public(node: dict[str, Any]) -> bool:
    return bool(node["resource_type"] == "model" and node["config"].get("access") == "public")


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LlmAnalyticsError(f"no {path}: run `dbt build` first") from error
    except (OSError, ValueError) as error:
        raise LlmAnalyticsError(f"{path} is no artifact of dbt: run `dbt build` again") from error
    if not isinstance(loaded, dict):
        raise LlmAnalyticsError(f"{path} is no artifact of dbt: run `dbt build` again")
    return loaded


def _short(unique_id: str) -> str:
    """`model.project.name` as `model name`; tests have a hash behind their names."""
    kind, _, rest = unique_id.partition(".")
    return f"{kind.replace('_', ' ')} {rest.split('.')[1] if '.' in rest else rest}"


def _meta(item: dict[str, Any]) -> dict[str, Any]:
    """`meta`, which dbt keeps under config and beside it."""
    return {**(item.get("meta") or {}), **((item.get("config") or {}).get("meta") or {})}


def _mart(node: dict[str, Any]) -> Mart:
    columns = []
    for column in node["columns"].values():
        pii = _meta(column).get("pii")
        if pii not in (_NONE, _PSEUDONYM, _RAW):
            raise LlmAnalyticsError(f"{node['name']}.{column['name']} does not say its meta.pii")
        columns.append(Column(column["name"], _line(column.get("description")), pii))
    if not columns:
        raise LlmAnalyticsError(f"{node['name']} declares no columns")
    return Mart(
        name=str(node.get("alias") or node["name"]),
        schema=str(node["schema"]),
        description=_line(node.get("description")),
        columns=tuple(columns),
        small_cells=_small_cells(node, {column.name for column in columns}),
    )


def _small_cells(node: dict[str, Any], columns: set[str]) -> SmallCells | None:
    given = _meta(node).get("small_cells")
    if given is None:
        return None
    found = SmallCells(
        within=tuple(given.get("within", ())),
        dims=tuple(given.get("dims", ())),
        count=str(given.get("count")),
    )
    if unknown := sorted({*found.keys, found.count} - columns):
        raise LlmAnalyticsError(
            f"{node['name']}: small_cells names {unknown[0]}, which is no column"
        )
    return found


def _metrics(nodes: Iterable[dict[str, Any]]) -> list[Metric]:
    return [
        Metric(
            name=str(name),
            title=str(contract.get("metric", name)),
            mart=str(node["name"]),
            numerator=_line(contract.get("numerator")),
            denominator=_line(contract.get("denominator")),
            window=_line(contract.get("window")),
            source=", ".join(map(str, contract.get("source") or ())),
            example=_line(contract.get("example")),
            columns=tuple(map(str, contract.get("columns") or ())),
        )
        for node in nodes
        for name, contract in (_meta(node).get("metrics") or {}).items()
    ]


def _line(text: object) -> str:
    return " ".join(str(text or "").split())
