"""Run the tests against a mutant, fastest first, and say which of them notices it.

The mutant is put into the parsed manifest, so that nothing is parsed again. First come the unit
tests of the models that the mutant can reach, which must notice every mutant of a definition. For
models of zone A a build of a world of nasty histories against the plain Python reference follows;
what only runs in incremental builds is left to the equivalence test.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path

from mutation.mutants import Mutant, mutants, sources_of
from support.equivalence import PreparedGrowth
from support.project import DbtProject
from support.small_project import at

#: Compares what a build made with what it should be; an AssertionError names the table.
Check = Callable[[DbtProject], None]
Growth = Callable[[], PreparedGrowth]


class UnitTests:
    """A prepared warehouse, empty or not, and the dbt unit tests of its project."""

    def __init__(self, prepared: DbtProject):
        """Take a project whose warehouse was built from unchanged models."""
        self.prepared = prepared
        (self.manifest,) = prepared.manifests.values()
        self.mutants = list(mutants(sources_of(self.manifest)))
        self._reached = cache(self._reached_macros)

    def killer(self, mutant: Mutant) -> str | None:
        """The name of a unit test that fails for a mutant; None if it survives all."""
        with self.planted(mutant):
            failed = self.failing(
                test.name
                for test in self.manifest.unit_tests.values()
                if self._reaches(mutant, f"model.llm_analytics.{test.model}")
            )
        return next(iter(failed), None)

    def failing(self, names: Iterator[str] | list[str]) -> list[str]:
        """Which of these unit tests fail or cannot run; after the first no other one begins.

        Raises RuntimeError where dbt fails without any of them.
        """
        selected = list(names)
        if not selected:
            return []
        # Commas mean "and" to dbt, separate arguments "or".
        silent = ("--log-level", "none", "--log-level-file", "none")
        done = self.prepared.dbt("test", "--fail-fast", *silent, "--select", *selected, check=False)
        failed = [
            result.node.name
            for result in getattr(done.result, "results", None) or ()
            if str(result.status) in ("fail", "error")
        ]
        if not done.success and not failed:
            raise RuntimeError(f"dbt test fails: {done.exception}")
        return failed

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        """Put the mutant's code into the manifest, and the right code back."""
        home, attribute = (
            (self.manifest.macros, "macro_sql")
            if mutant.unique_id.startswith("macro.")
            else (self.manifest.nodes, "raw_code")
        )
        right = getattr(home[mutant.unique_id], attribute)
        setattr(home[mutant.unique_id], attribute, mutant.code)
        try:
            yield
        finally:
            setattr(home[mutant.unique_id], attribute, right)

    def _reaches(self, mutant: Mutant, model: str) -> bool:
        """Does the model's SQL hold the mutant, directly or through macros?"""
        if not mutant.unique_id.startswith("macro."):
            return mutant.unique_id == model
        if model not in self.manifest.nodes or mutant.unique_id not in self._reached(model):
            return False
        if mutant.setting is None:
            return True
        codes = [self.manifest.nodes[model].raw_code]
        codes += [self.manifest.macros[macro].macro_sql for macro in self._reached(model)]
        return any(f"setting('{mutant.setting}')" in code for code in codes)

    def _reached_macros(self, model: str) -> frozenset[str]:
        """All macros that a model calls, directly or through others."""
        node = self.manifest.nodes[model]
        # dbt sees no macro behind a condition that does not hold when it parses.
        named = re.findall(r"llm_analytics\.(\w+)\(", node.raw_code)
        waiting = [*node.depends_on.macros, *(f"macro.llm_analytics.{name}" for name in named)]
        reached: set[str] = set()
        while waiting:
            macro = waiting.pop()
            if macro not in reached and macro in self.manifest.macros:
                reached.add(macro)
                waiting += self.manifest.macros[macro].depends_on.macros
        return frozenset(reached)


class MutationRun:
    """All ways to notice a mutant: the unit tests, the reference and the equivalence test."""

    def __init__(self, prepared: DbtProject, folder: Path, compare: Check, growth: Growth):
        """Take a project whose warehouse was built from unchanged models.

        `compare` compares a full build with the reference, `growth` builds load by load with one
        full build; it is made when first needed.
        """
        self.prepared = prepared
        self.unit_tests = UnitTests(prepared)
        self.folder = folder
        self.compare = compare
        self._make_growth = growth
        self._count = 0

    @cached_property
    def growth(self) -> PreparedGrowth:
        """Builds load by load, for what runs in incremental builds only."""
        return self._make_growth()

    def killer(self, mutant: Mutant) -> str | None:
        """The name of the test that fails for a mutant; None if it survives all."""
        if name := self.unit_tests.killer(mutant):
            return f"unit test {name}"
        # Made of the right models, so before the mutant is planted.
        growth = self.growth if mutant.is_incremental else None
        with self.unit_tests.planted(mutant):
            return self._wrong_table() if growth is None else self._unequal_tables(growth)

    def _wrong_table(self) -> str | None:
        project = at(self.prepared, self.folder / f"{self._next()}")
        shutil.copy(self.prepared.warehouse, project.warehouse)
        done = project.dbt("run", "--full-refresh", check=False)
        if not done.success:
            return "dbt run fails"
        try:
            self.compare(project)
        except AssertionError as error:
            return f"reference: {str(error).partition(chr(10))[0]}"
        finally:
            shutil.rmtree(Path(project.warehouse).parent, ignore_errors=True)
        return None

    def _unequal_tables(self, growth: PreparedGrowth) -> str | None:
        try:
            growth.check(f"mutant-{self._next()}")
        except AssertionError as error:
            return f"equivalence: {str(error).partition(chr(10))[0]}"
        return None

    def _next(self) -> int:
        self._count += 1
        return self._count


def write_report(path: Path, killers: dict[str, str | None]) -> None:
    """Mutants and their killers as JSON, for a person to read."""
    path.write_text(json.dumps(killers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
