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

#: Changes that change nothing: each with the reason why no test can notice it.
EQUIVALENT = {
    "int_as_of: `when newest.occurred_at > horizon.loaded_at then horizon.loaded_at`: > becomes >=":
        "where both are equal, either may be taken",
    "int_as_of: `when as_of < cast('{{ later }}' as {{ dbt.type_timestamp() }})`: < becomes <=":
        "where both are equal, either may be taken",
    "int_feedback_matches: `inner join scopes`: inner join becomes left join":
        "the join of scoped_calls drops what it adds",
    "int_feedback_matches: `inner join scoped_calls`: inner join becomes left join":
        "every scope is one of a scoped call",
    "int_feedback_matches: `inner join matched`: inner join becomes left join":
        "matched has a row for each remark",
    "default__robust_limit: `* greatest({{ spread }} / {{ median }}, coalesce({{ relative_error }},"
    " 0), 0.1)`: the coalesce is dropped":
        "greatest passes over NULL on these engines; on others it does not",
    "effective_n: `when {{ standard_error }} > 0`: > becomes >=":
        "a division by 0 is infinite on DuckDB, and n the smaller; PostgreSQL would fail",
    "experiment_rows: `and exposures.reads_to > facts.{{ source.at }}`: > becomes >=":
        "every window is over there; what is read in vain adds nothing",
    "experiment_rows: `inner join {{ source_name }} as facts`: inner join becomes left join":
        "a unit without rows adds none to any sum",
    "setting: `'table_window_days': 3,`: the setting is one more":
        "used where tables are mapped; test_tables.py has rows at its edge",
    "call_started_at: `when {{ call }}.latency_ms > 0`: > becomes >=":
        "no time before the call is the time of the call",
    "int_interactions: `having count(*) > 1`: > becomes >=":
        "to sum up and rank a call that is alone gives the call; not to is faster",
    "int_interactions: `inner join known_queries`: inner join becomes left join":
        "each interaction has its query, which may be withdrawn and never goes",
    "int_interactions: `inner join touched_queries`: inner join becomes left join":
        "the condition on the query drops what it adds",
    "int_interactions: `coalesce(user_id, anonymous_id) is null as is_without_user,`: the coalesce"
    " is dropped":
        "more threads are recomputed than must be",
    "int_interactions: `coalesce(conversation_id, source_session_id, trace_id) is null as"
    " is_without_ids`: the coalesce is dropped":
        "more visits are read than must be; what is written stays",
    "int_response_matches: `inner join prices`: inner join becomes left join":
        "the condition on its fingerprint drops what it adds",
    "int_prices_by_day: `inner join model_prices`: inner join becomes left join":
        "what it adds has no date from which it is valid, and is dropped for it",
    "int_response_matches: `having count(*) > 1`: > becomes >=":
        "ranking a candidate that is alone chooses it, too; not ranking it is faster",
}  # fmt: skip


@pytest.mark.long  # a hundred mutants, some seconds each
def test_every_wrong_definition_turns_a_unit_test_red(tmp_path: Path) -> None:
    prepared = at(_project(tmp_path), tmp_path / "prepared")
    prepared.dbt("seed")
    prepared.dbt("run")  # empty tables do: unit tests read their types alone
    tests = UnitTests(prepared)
    _check_equivalent(tests)
    killers = {
        mutant.name: tests.killer(mutant)
        for mutant in tests.mutants
        if mutant.is_definition and _short(mutant.name) not in EQUIVALENT
    }
    write_report(tmp_path / "mutants.json", killers)
    survivors = [name for name, killer in killers.items() if killer is None]
    assert not survivors, f"{len(survivors)} of {len(killers)} survive:\n" + "\n".join(survivors)
    assert len(killers) > 30
    # They are red because of the mutants alone.
    assert tests.failing(sorted(set(filter(None, killers.values())))) == []


@pytest.mark.long
def test_every_wrong_model_of_zone_a_is_noticed(tmp_path: Path) -> None:
    run = prepared_run(tmp_path)
    killers = {
        mutant.name: run.killer(mutant)
        for mutant in run.unit_tests.mutants
        if not mutant.is_definition and _short(mutant.name) not in EQUIVALENT
    }
    write_report(tmp_path / "mutants.json", killers)
    survivors = [name for name, killer in killers.items() if killer is None]
    assert not survivors, f"{len(survivors)} of {len(killers)} survive:\n" + "\n".join(survivors)


def _check_equivalent(tests: UnitTests) -> None:
    """Every change that is let pass can still be made."""
    stale = set(EQUIVALENT) - {_short(mutant.name) for mutant in tests.mutants}
    assert not stale, "not in the code any more:\n" + "\n".join(sorted(stale))


def prepared_run(folder: Path) -> MutationRun:
    """A warehouse that the right models built, and all ways to notice a wrong one."""
    prepared = at(_project(folder), folder / "prepared")
    world = build(prepared, recipe(1).events())
    checkpoint(prepared)

    def compare(project: DbtProject) -> None:
        compare_facts(project, world)
        compare_marts(project, world)

    def growth() -> PreparedGrowth:
        made = PreparedGrowth(prepared, folder / "growth", seed=1, n_histories=400)
        made.check("unchanged")
        return made

    compare(prepared)
    return MutationRun(prepared, folder, compare, growth)


def _project(folder: Path) -> DbtProject:
    """A small project that goes on where definitions change, as mutants make them."""
    project = small_project(folder, sources=None)
    with (project.root / "dbt_project.yml").open("a") as settings:
        settings.write("\nvars:\n  llm_analytics_keep_old_definitions: true\n")
    return project


def _short(name: str) -> str:
    """A mutant's name without its path."""
    return name.partition(": ")[2]
