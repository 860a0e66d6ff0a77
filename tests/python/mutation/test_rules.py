"""Every rule of zone A is needed: broken, it is noticed by a test that can be named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mutation.mutants import Mutant
from mutation.rules import RULES, broken_rules
from mutation.runner import MutationRun, write_report
from mutation.test_mutation import prepared_run
from support.compare import Snapshot, differing_tables
from support.growth import built_at_once, grown
from support.project import ROOT, DbtProject
from support.small_project import at
from timelines import Timeline, timeline


class _Timelines:
    """What the equivalence test notices, for what neither unit tests nor later loads do."""

    def __init__(self, project: DbtProject, folder: Path, seeds: range):
        """Build once what nobody broke."""
        self.project = project
        self.folder = folder
        self.expected: dict[int, tuple[Timeline, Snapshot]] = {}
        for seed in seeds:
            drawn = timeline(seed, n_histories=60)
            self.expected[seed] = drawn, built_at_once(at(project, folder / f"{seed}"), drawn)

    def killer(self, run: MutationRun, mutant: Mutant, number: int) -> str | None:
        """The first table that differs in a timeline, or that a build fails; None if none does."""
        with run.unit_tests.planted(mutant):
            for seed, (drawn, expected) in self.expected.items():
                folder = self.folder / f"{number}-{seed}"
                try:
                    faults = differing_tables(grown(at(self.project, folder), drawn), expected)
                except AssertionError as error:
                    return f"timeline {seed}: {str(error).partition(chr(10))[0]}"
                if faults:
                    return f"timeline {seed}: {faults[0].partition(chr(10))[0]}"
        return None


def test_every_rule_stands_where_the_list_says() -> None:
    models = {path.stem: path.read_text() for path in (ROOT / "models").rglob("*.sql")}
    macros = [path.read_text() for path in (ROOT / "macros").rglob("*.sql")]
    for rule in RULES:
        kind, _, name = rule.place.partition(".")
        homes = [models[name]] if kind == "model" else [m for m in macros if f"macro {name}(" in m]
        assert [home.count(rule.right) for home in homes] == [1], rule.name


@pytest.mark.dbt
@pytest.mark.long
def test_every_broken_rule_is_noticed(tmp_path: Path) -> None:
    run = prepared_run(tmp_path)
    timelines = _Timelines(replace(run.prepared), tmp_path / "timelines", seeds=range(1, 4))
    killers = {
        mutant.line: run.killer(mutant) or timelines.killer(run, mutant, number)
        for number, mutant in enumerate(broken_rules(run.unit_tests.manifest))
    }
    write_report(tmp_path / "rules.json", killers)
    survivors = [name for name, killer in killers.items() if killer is None]
    assert not survivors, f"{len(survivors)} of {len(killers)} survive: {survivors}"
