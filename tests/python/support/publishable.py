"""A small warehouse with dbt's artifacts beside it, as a build leaves them, without running dbt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

#: Marts that must agree with each other: both say which build they are of.
N_ROWS = 20_000
#: The contract of a metric, as `meta.metrics` of a mart declares it.
METRICS = {
    "share_of_things": {
        "metric": "share of things",
        "columns": ["n_things"],
        "numerator": "n_things",
        "denominator": "n_things",
        "window": "A day.",
        "source": ["queries"],
        "example": "1 of 1",
    }
}


@dataclass
class Publishable:
    """One folder with a warehouse and artifacts; `build` makes the next build of it."""

    folder: Path
    is_keyed: bool = True
    #: Extra tests of the last build, with their status.
    statuses: dict[str, str] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    @property
    def artifacts(self) -> Path:
        """The folder of manifest.json and run_results.json."""
        return self.folder / "target"

    @property
    def environment(self) -> dict[str, str]:
        """What tells the command where both are."""
        return {
            "LLM_ANALYTICS_WAREHOUSE": str(self.warehouse),
            "DBT_TARGET_PATH": str(self.artifacts),
        }

    def build(self, number: int, n_rows: int = N_ROWS) -> None:
        """Makes build NUMBER: every row of every mart says it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(self.warehouse)) as database:
            for schema in ("raw", "intermediate", "marts"):
                database.execute(f"create schema if not exists {schema}")
            database.execute(
                f"create or replace table raw.loads as select {number} as load_seq,"
                f" {self.is_keyed} as is_keyed"
            )
            database.execute(
                "create or replace table intermediate.int_load_horizon as"
                f" select {number}::bigint as load_seq, timestamp '2025-01-01' as loaded_at"
            )
            database.execute(
                "create or replace table intermediate.int_as_of as"
                " select timestamp '2025-01-01' as as_of"
            )
            database.execute(
                f"create or replace table marts.first as select {number} as build, i as n_things,"
                f" 'user-' || i as user_id, 'secret-' || i as message from range({n_rows}) as r(i)"
            )
            # A view spells the catalogue's name, as dbt's do.
            database.execute(
                "create or replace view marts.second as"
                ' select build, n_things from "warehouse"."marts"."first"'
            )
        self.write_artifacts(f"build-{number}")

    def write_artifacts(
        self,
        invocation: str,
        *,
        which: str = "build",
        manifest_of: str | None = None,
        without: tuple[str, ...] = (),
        pii: dict[str, str | None] | None = None,
        small_cells: dict[str, Any] | None = None,
    ) -> None:
        """Writes what dbt would write after a run."""
        columns: dict[str, dict[str, str | None]] = {
            "first": {
                "build": "none",
                "n_things": "none",
                "user_id": "pseudonym",
                "message": "raw",
                **(pii or {}),
            },
            "second": {"build": "none", "n_things": "none"},
        }
        nodes: dict[str, Any] = {
            f"model.project.{name}": _model(name, "marts", "public", given)
            for name, given in columns.items()
        }
        for name in ("int_load_horizon", "int_as_of"):
            nodes[f"model.project.{name}"] = _model(name, "intermediate", "protected", {})
        nodes["model.project.first"]["config"]["meta"] = {"metrics": METRICS}
        if small_cells is not None:
            nodes["model.project.first"]["config"]["meta"]["small_cells"] = small_cells
        nodes["test.project.first_has_rows.0"] = {
            "resource_type": "test",
            "name": "first_has_rows",
            "depends_on": {"nodes": ["model.project.first"]},
        }
        results = dict.fromkeys(nodes, "success") | self.statuses
        self.artifacts.mkdir(exist_ok=True)
        (self.artifacts / "manifest.json").write_text(
            json.dumps({"metadata": {"invocation_id": manifest_of or invocation}, "nodes": nodes})
        )
        (self.artifacts / "run_results.json").write_text(
            json.dumps(
                {
                    "metadata": {
                        "invocation_id": invocation,
                        "generated_at": "2025-01-02T03:04:05.000000Z",
                    },
                    "args": {"which": which},
                    "results": [
                        {"unique_id": key, "status": status}
                        for key, status in results.items()
                        if key not in without
                    ],
                }
            )
        )


def _model(name: str, schema: str, access: str, pii: dict[str, str | None]) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "schema": schema,
        "database": "warehouse",
        "description": f"What {name} is.",
        "depends_on": {"nodes": []},
        "config": {"access": access, "tags": [], "meta": {}},
        "columns": {
            column: {"name": column, "description": f"A {column}.", "config": {"meta": meta}}
            for column, meta in (
                (column, {} if value is None else {"pii": value}) for column, value in pii.items()
            )
        },
    }
