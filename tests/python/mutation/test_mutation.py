"""Every wrong definition is noticed by a test that can be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from histories import recipe
from mutation.mutants import Mutant
from mutation.runner import MutationRun, write_report
from reference.check import build, compare_facts, compare_marts
from support.equivalence import PreparedGrowth, checkpoint
from support.project import DbtProject
from support.small_project import at, small_project

pytestmark = pytest.mark.dbt

#: What a change of one definition runs: one mutant of each kind, where the definition is a number.
FAST = (
    "setting: `'session_gap_minutes': 30,`: the setting is one more",
    "default__is_new_session: `> {{ llm_analytics.session_gap_microseconds() }}`: > becomes >=",
    "default__end_state: `when {{ latency_ms }} > {{ llm_analytics.setting('slow_answer_ms') }}"
    " then 'slow'`: > becomes >=",
    "default__refinement_rule: `<= {{ llm_analytics.setting('refinement_window_minutes')"
    " * 60000000 }}`: <= becomes <",
)

#: Changes that change nothing: each with the reason why no test can notice it.
EQUIVALENT: dict[str, str] = {
    "is_yes: `coalesce(lower({{ value }}) in ('true', 't', 'yes', 'y', '1'), false)`: the coalesce"
    " is dropped": "it is asked for in conditions only, where unknown is as good as no",
    "setting: `'max_turns': 1000,`: the setting is one more": "a bound on the size of a mart that"
    " no session reaches",
}


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

    compare(prepared)

    def growth() -> PreparedGrowth:
        made = PreparedGrowth(prepared, folder / "growth", seed=1, n_histories=400)
        made.check("unchanged")
        return made

    return MutationRun(prepared, folder, compare, growth)


def test_wrong_definitions_are_noticed(run: MutationRun) -> None:
    by_name = {mutant.name.partition(": ")[2]: mutant for mutant in run.mutants}
    killers = {name: run.killer(by_name[name]) for name in FAST}
    assert None not in killers.values(), killers


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
    return mutant.name.partition(": ")[2] in EQUIVALENT
