"""Grow a warehouse load by load, and compare it with one that was built at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import duckdb

from histories import cut_into_loads, rare_corrections, recipe, seeded
from reference.settings import Price
from support.compare import differing_tables, snapshot
from support.project import DbtProject
from support.raw_tables import Load, create_raw_tables, write_loads
from support.small_project import at
from support.small_seeds import CORRECTED_PRICES, PRICES, write_small_seeds

#: What a build may be left with when only some models ran.
PARTS: tuple[tuple[str, ...], ...] = (
    ("int_load_horizon", "int_queries", "int_session_events"),
    ("int_load_horizon", "int_queries", "int_interactions"),
    ("int_load_horizon", "int_responses", "int_response_matches"),
    ("+int_response_matches",),
    ("+int_feedback_matches",),
    ("int_load_horizon", "int_identities", "int_session_events"),
    ("int_load_horizon", "int_feedback", "int_feedback_matches", "int_interactions"),
    ("int_interactions",),
    ("int_load_horizon",),
)


def grow(project: DbtProject, loads: Sequence[Load], random: Random) -> list[str]:
    """Load and build step by step; returns what was done, for the message of a failure."""
    done = []
    create_raw_tables(project)
    corrected_after = random.randrange(1, len(loads))
    write_small_seeds(project.root, PRICES)
    project.dbt("seed")
    for number, load in enumerate(loads, start=1):
        write_loads(project, [load])
        if number > 1 and random.random() < 0.4:
            part = random.choice(PARTS)
            project.dbt("run", "--select", *part)
            done.append(f"load {number}, build {' '.join(part)}")
            if random.random() < 0.5 and number < len(loads):
                continue
        if number == corrected_after + 1:
            write_small_seeds(project.root, CORRECTED_PRICES)
            project.dbt("seed", "--select", "model_prices")
            done.append("correct prices")
        # Marts keep nothing from one build to the next.
        is_whole = number in (1, len(loads))
        project.dbt("run", *(() if is_whole else ("--select", "path:models/intermediate")))
        done.append(f"load {number}, build")
    return done


def check(fresh: Callable[[str], DbtProject], seed: int, n_histories: int, n_loads: int) -> None:
    """Grow one warehouse, build another at once, and compare all that both hold.

    `fresh` makes an empty warehouse; the second may replace the first.
    """
    random = seeded(seed)
    loads = cut_into_loads(recipe(seed, n_histories).events(), n_loads, random)
    project = fresh("grown")
    done = grow(project, loads, random)
    grown = snapshot(project)
    project = fresh("at-once")
    create_raw_tables(project)
    write_loads(project, loads)
    project.dbt("seed")
    project.dbt("run")
    faults = differing_tables(grown, snapshot(project))
    assert not faults, "\n".join([f"seed {seed}: {'; '.join(done)}", *faults])


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
