"""Every wrong definition is noticed by a test that can be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from histories import recipe
from mutation.mutants import Mutant
from mutation.runner import MutationRun, checkpoint, write_report
from reference.check import build, compare_facts, compare_marts
from support.equivalence import check
from support.project import DbtProject
from support.small_project import at, small_project

#: What a change of one definition runs: one mutant of each kind, where the definition is a number.
FAST = (
    "setting.sql:setting:6: the setting is one more",
    "is_new_session.sql:default__is_new_session:5: > becomes >=",
    "end_state.sql:default__end_state:6: > becomes >=",
    "refinement_rule.sql:default__refinement_rule:7: <= becomes <",
    "is_success.sql:default__is_success:2: the coalesce is dropped",
)

#: Changes that change nothing: each with the reason why no test can notice it.
EQUIVALENT: dict[str, str] = {}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MutationRun:
    """A world that was built from the right models."""
    folder = tmp_path_factory.mktemp("mutation")
    prepared = at(small_project(folder), folder / "prepared")
    world = build(prepared, recipe(1).events())
    checkpoint(prepared)

    def compare(project: DbtProject) -> None:
        compare_facts(project, world)
        compare_marts(project, world)

    def grow(project: DbtProject) -> None:
        folder = Path(project.warehouse).parent
        check(lambda name: at(project, folder / name), seed=1, n_histories=40, n_loads=4)

    compare(prepared)
    return MutationRun(prepared, folder, compare, grow)


@pytest.mark.parametrize("name", FAST)
def test_a_wrong_definition_is_noticed(run: MutationRun, name: str) -> None:
    (mutant,) = [mutant for mutant in run.mutants if mutant.name.endswith("/" + name)]
    killer = run.killer(mutant)
    print(f"{mutant.name}: {killer}")
    assert killer is not None


@pytest.mark.long
def test_every_wrong_definition_is_noticed(run: MutationRun, tmp_path: Path) -> None:
    killers: dict[str, str | None] = {}
    for mutant in run.mutants:
        if not _is_equivalent(mutant):
            killers[mutant.name] = run.killer(mutant)
    write_report(tmp_path / "mutants.json", killers)
    survivors = [name for name, killer in killers.items() if killer is None]
    assert not survivors, f"{len(survivors)} of {len(killers)} survive:\n" + "\n".join(survivors)


def _is_equivalent(mutant: Mutant) -> bool:
    return mutant.name in EQUIVALENT
