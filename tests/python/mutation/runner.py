"""Run the tests against a mutant, fastest first, and say which of them notices it.

The mutant is put into the parsed manifest, so that nothing is parsed again. First come the unit
tests of the models that the mutant can reach, then a build of a world of nasty histories against
the plain Python reference; what only runs in incremental builds is left to the equivalence test.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from mutation.mutants import Mutant, mutants, sources_of
from support.equivalence import PreparedGrowth
from support.project import DbtProject
from support.small_project import at

#: Compares what a build made with what it should be; an AssertionError names the table.
Check = Callable[[DbtProject], None]
Growth = Callable[[], PreparedGrowth]


class MutationRun:
    """A prepared warehouse, and the ways to notice that a definition is wrong."""

    def __init__(self, prepared: DbtProject, folder: Path, compare: Check, growth: Growth):
        """Take a project whose warehouse was built from unchanged models.

        `compare` compares a full build with the reference, `growth` builds load by load with one
        full build; it is made when first needed.
        """
        self.prepared = prepared
        self.folder = folder
        self.compare = compare
        self._make_growth = growth
        (self.manifest,) = prepared.manifests.values()
        self.mutants = list(mutants(sources_of(self.manifest)))
        self._count = 0

    @cached_property
    def growth(self) -> PreparedGrowth:
        """Builds load by load, for what runs in incremental builds only."""
        return self._make_growth()

    def killer(self, mutant: Mutant) -> str | None:
        """The name of the test that fails for a mutant; None if it survives all."""
        with self._planted(mutant):
            return (
                self._failing_unit_test(mutant)
                or self._wrong_table(mutant)
                or self._unequal_tables(mutant)
            )

    @contextmanager
    def _planted(self, mutant: Mutant) -> Iterator[None]:
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

    def _failing_unit_test(self, mutant: Mutant) -> str | None:
        names = [
            test.name
            for test in self.manifest.unit_tests.values()
            if self._reaches(mutant, f"model.llm_analytics.{test.model}")
        ]
        if not names or mutant.is_incremental:
            return None
        # Commas mean "and" to dbt, separate arguments "or".
        done = self.prepared.dbt("test", "--fail-fast", "--select", *names, check=False)
        for result in getattr(done.result, "results", None) or ():
            if str(result.status) in ("fail", "error"):
                return f"unit test {result.node.name}"
        return None if done.success else "dbt test fails"

    def _wrong_table(self, mutant: Mutant) -> str | None:
        if mutant.is_incremental:
            return None
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

    def _unequal_tables(self, mutant: Mutant) -> str | None:
        if not mutant.is_incremental:
            return None
        try:
            self.growth.check(f"mutant-{self._next()}")
        except AssertionError as error:
            return f"equivalence: {str(error).partition(chr(10))[0]}"
        return None

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _reaches(self, mutant: Mutant, model: str) -> bool:
        """Does the model's SQL hold the mutant, directly or through macros?"""
        if not mutant.unique_id.startswith("macro."):
            return mutant.unique_id == model
        wanted = _plain(mutant.unique_id)
        node = self.manifest.nodes.get(model)
        waiting = list(node.depends_on.macros) if node else []
        seen: set[str] = set()
        while waiting:
            macro = waiting.pop()
            if _plain(macro) == wanted:
                return True
            if macro not in seen and macro in self.manifest.macros:
                seen.add(macro)
                waiting += self.manifest.macros[macro].depends_on.macros
        return False


def _plain(unique_id: str) -> str:
    """A macro's id without the prefix of its implementation."""
    return unique_id.replace(".default__", ".")


def write_report(path: Path, killers: dict[str, str | None]) -> None:
    """Mutants and their killers as JSON, for a person to read."""
    path.write_text(json.dumps(killers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
