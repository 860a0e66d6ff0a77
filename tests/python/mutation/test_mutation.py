"""Every wrong definition is noticed by a test that can be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from histories import recipe
from mutation.runner import MutationRun, UnitTests, write_report
from reference.check import build, compare_facts, compare_marts
from support.equivalence import PreparedGrowth, checkpoint
from support.project import DbtProject
from support.small_project import at, small_project

pytestmark = pytest.mark.dbt

#: Changes of models of zone A that change nothing: each with the reason why no test can notice it.
EQUIVALENT: dict[str, str] = {}


def test_every_wrong_definition_turns_a_unit_test_red(tmp_path: Path) -> None:
    prepared = at(small_project(tmp_path), tmp_path / "prepared")
    prepared.dbt("seed")
    prepared.dbt("run")  # empty tables do: unit tests read their types alone
    tests = UnitTests(prepared)
    killers = {
        mutant.name: tests.killer(mutant) for mutant in tests.mutants if mutant.is_definition
    }
    write_report(tmp_path / "mutants.json", killers)
    survivors = [name for name, killer in killers.items() if killer is None]
    assert not survivors, f"{len(survivors)} of {len(killers)} survive:\n" + "\n".join(survivors)
    assert len(killers) > 30
    # They are red because of the mutants alone.
    assert tests.failing(sorted(set(filter(None, killers.values())))) == []


@pytest.mark.long
def test_every_wrong_model_of_zone_a_is_noticed(tmp_path: Path) -> None:
    prepared = at(small_project(tmp_path), tmp_path / "prepared")
    world = build(prepared, recipe(1).events())
    checkpoint(prepared)

    def compare(project: DbtProject) -> None:
        compare_facts(project, world)
        compare_marts(project, world)

    def growth() -> PreparedGrowth:
        made = PreparedGrowth(prepared, tmp_path / "growth", seed=1, n_histories=400)
        made.check("unchanged")
        return made

    compare(prepared)
    run = MutationRun(prepared, tmp_path, compare, growth)
    killers = {
        mutant.name: run.killer(mutant)
        for mutant in run.unit_tests.mutants
        if not mutant.is_definition and _short(mutant.name) not in EQUIVALENT
    }
    write_report(tmp_path / "mutants.json", killers)
    survivors = [name for name, killer in killers.items() if killer is None]
    assert not survivors, f"{len(survivors)} of {len(killers)} survive:\n" + "\n".join(survivors)


def _short(name: str) -> str:
    """A mutant's name without its path."""
    return name.partition(": ")[2]
