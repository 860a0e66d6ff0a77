"""Add the same later loads to a built warehouse again and again, to try changes of the models."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from histories import cut_into_loads, rare_corrections, recipe, seeded
from reference.settings import Price
from support.compare import differing_tables, snapshot
from support.project import DbtProject
from support.raw_tables import Load, create_raw_tables, write_loads
from support.small_project import at
from support.small_seeds import CORRECTED_PRICES, PRICES, write_small_seeds

#: The part of zone A that keeps rows from one build to the next, with what it reads.
ZONE_A = ("--select", "+int_interactions", "--exclude", "path:models/staging")
#: A build that left out what it should not have: prices, sessions, feedback.
PART = (
    "int_load_horizon", "int_queries", "int_responses", "int_response_matches", "int_interactions",
)  # fmt: skip


class PreparedGrowth:
    """A world whose first load is built, to add the later loads to, again and again.

    For rules that hold in incremental builds only: what one full build makes of all loads does not
    depend on them, so that it is built once.
    """

    def __init__(self, project: DbtProject, folder: Path, seed: int, n_histories: int):
        """Build the first load, and all loads at once with corrected prices, in DuckDB files."""
        loads = cut_into_loads(recipe(seed, n_histories).events(), 4, seeded(seed))
        first, *self.later = [
            replace(load, events=[*load.events, *rare])
            for load, rare in zip(loads, rare_corrections(), strict=True)
        ]
        self.folder = folder
        at_once = at(project, folder / "at-once")
        self._build(at_once, [first, *self.later], CORRECTED_PRICES)
        self.expected = snapshot(at_once)
        self.first = at(project, folder / "first")
        self._build(self.first, [first], PRICES)
        checkpoint(self.first)

    def check(self, name: str) -> None:
        """Add the later loads and correct the prices; an AssertionError says what is not equal."""
        project = at(self.first, self.folder / name)
        shutil.copy(self.first.warehouse, project.warehouse)
        for number, load in enumerate(self.later):
            write_loads(project, [load])
            if number == 0:
                project.dbt("run", "--select", *PART)
                continue
            if number == 1:
                write_small_seeds(project.root, CORRECTED_PRICES)
                project.dbt("seed", "--select", "model_prices")
            project.dbt("run", *ZONE_A)
        faults = differing_tables(snapshot(project), self.expected)
        assert not faults, "\n".join(faults)

    def _build(self, project: DbtProject, loads: Sequence[Load], prices: Sequence[Price]) -> None:
        create_raw_tables(project)
        write_loads(project, loads)
        write_small_seeds(project.root, prices)
        project.dbt("seed")
        project.dbt("run", "--select", "+int_interactions", "path:models/staging")


def checkpoint(project: DbtProject) -> None:
    """Write all of a DuckDB warehouse into its file, so that the file may be copied."""
    with duckdb.connect(project.warehouse) as database:
        database.execute("checkpoint")
