"""Live through a timeline, build by build, and compare what has grown with one full build."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from support.compare import Snapshot, differing_tables, snapshot
from support.project import DbtProject
from support.raw_tables import create_raw_tables, write_loads
from support.small_seeds import write_small_seeds
from timelines import ALIAS_LISTS, PRICE_LISTS, Arrival, Build, Timeline, renamed

#: Makes an empty warehouse of a name; it may replace the one that was made before.
Fresh = Callable[[str], DbtProject]

#: All of zone A; marts keep nothing from one build to the next, so they are built once, at the end.
ZONE_A = ("--select", "resource_type:model,path:models/intermediate")
#: Views stay as they are, but PostgreSQL drops them with a table that they read.
TABLES_OF_ZONE_A = (*ZONE_A, "--exclude", "config.materialized:view")
NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
#: Fails when it is planned or run, on every engine.
BROKEN = "cast('broken' as integer)"
#: How many rounds the search for a smaller failing history may take; a round builds twice.
SHRINKING_ROUNDS = 12


class Growing:
    """A warehouse in which the steps of a timeline happen one after the other."""

    def __init__(self, project: DbtProject, timeline: Timeline):
        """Make the raw tables and what reads them; nothing has been loaded yet."""
        self.project = project
        self.timeline = timeline
        self._seeds: tuple[int, int] | None = None
        self._zone_a: tuple[str, ...] = ZONE_A
        create_raw_tables(project)
        write_small_seeds(project.root)
        project.dbt("build", *NO_TESTS, "--select", "resource_type:seed", "path:models/staging")

    def step(self, number: int) -> None:
        """Load what arrives, put the seeds in force, build."""
        self.land(number)
        self.build(self.timeline.steps[number].build)

    def land(self, number: int) -> None:
        """Load what arrives, put the seeds in force."""
        load = self.timeline.load(number)
        if load:
            write_loads(self.project, [load])
        step = self.timeline.steps[number]
        if self._seeds != (step.prices, step.aliases):
            self._seeds = (step.prices, step.aliases)
            write_small_seeds(
                self.project.root, PRICE_LISTS[step.prices], ALIAS_LISTS[step.aliases]
            )
            self.project.dbt("seed", "--select", "model_prices", "model_aliases")

    def build(self, build: Build) -> None:
        """Build all of zone A, or parts; a build with a fault must break in the middle."""
        if build.fault:
            if build.fault == "seed":
                self._seeds = None
            with _planted(self.project, build):
                done = self.project.dbt("build", *self._zone_a, *_broken_too(build), check=False)
            _check_is_half_done(build, done.result)
        elif build.parts:
            self.project.dbt("run", "--select", *build.parts)
        else:
            self.project.dbt("run", *self._zone_a)
            if not self.project.is_postgres:
                self._zone_a = TABLES_OF_ZONE_A

    def finish(self) -> Snapshot:
        """Build everything, as anybody would after all this; returns all tables."""
        self.project.dbt("run")
        return snapshot(self.project)


def grown(project: DbtProject, timeline: Timeline) -> Snapshot:
    """All tables after the steps of a timeline."""
    growing = Growing(project, timeline)
    for number in range(len(timeline.steps)):
        growing.step(number)
    return growing.finish()


def built_at_once(project: DbtProject, timeline: Timeline) -> Snapshot:
    """All tables of one build of the same raw tables, with the seeds that are in force last."""
    last = timeline.steps[-1]
    create_raw_tables(project)
    loads = map(timeline.load, range(len(timeline.steps)))
    write_loads(project, [load for load in loads if load])
    write_small_seeds(project.root, PRICE_LISTS[last.prices], ALIAS_LISTS[last.aliases])
    project.dbt("seed")
    project.dbt("run")
    return snapshot(project)


def check_equivalence(fresh: Fresh, timeline: Timeline) -> None:
    """What has grown equals what is built at once; else an AssertionError with a small history."""
    one, other = grown(fresh("grown"), timeline), built_at_once(fresh("at-once"), timeline)
    faults = differing_tables(one, other)
    if faults:
        smaller = shrunk(fresh, timeline, _prefixes_of_differences(one, other))
        raise AssertionError(
            "\n".join([f"timeline {timeline.seed}", *faults, "", smaller.describe()])
        )


def shrunk(fresh: Fresh, timeline: Timeline, failing: set[str]) -> Timeline:
    """The smallest history found that still fails, alone in its timeline.

    Histories have nothing to do with each other, so that one build tries many: each variant leaves
    out a piece of a failing history, and the smallest variant that still fails is the next.
    """
    best = replace(timeline, histories={})
    variants = {prefix: timeline.histories[prefix] for prefix in failing & {*timeline.histories}}
    for number in range(SHRINKING_ROUNDS):
        tried = replace(timeline, histories=variants)
        one = grown(fresh(f"shrink-{number}-grown"), tried)
        other = built_at_once(fresh(f"shrink-{number}-at-once"), tried)
        still = _prefixes_of_differences(one, other) & variants.keys()
        if not still:
            break
        prefix = min(still, key=lambda each: (len(variants[each]), each))
        best = replace(timeline, histories={prefix: variants[prefix]})
        names = (f"{number}-" for number in count())
        variants = {
            name: renamed(piece, prefix, name)
            for name, piece in zip(names, _without_pieces(variants[prefix]), strict=False)
        }
        if not variants:
            break
    return best if best.histories else timeline


def _without_pieces(arrivals: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
    """The history without one of its halves, quarters, …, events."""
    size = len(arrivals) // 2
    while size:
        for start in range(0, len(arrivals), size):
            yield [*arrivals[:start], *arrivals[start + size :]]
        size //= 2


def _prefixes_of_differences(one: Snapshot, other: Snapshot) -> set[str]:
    """The histories whose ids stand in rows that only one of both snapshots has."""
    found = set()
    for table in one.keys() & other.keys():
        for row in {*one[table][1]} ^ {*other[table][1]}:
            for value in row:
                match = (
                    re.match(r"(?:user:|event:)?(\d+-)", value) if isinstance(value, str) else None
                )
                if match:
                    found.add(match[1])
    return found


def _broken_too(build: Build) -> tuple[str, ...]:
    """What a build with a fault selects besides zone A: the seed or the test, if that breaks."""
    extra = {"seed": ("model_prices",), "test": (_test_of(build.node),)}.get(build.fault or "", ())
    return (*(("--select", *extra) if extra else ()), "--indirect-selection", "empty")


def _test_of(model: str) -> str:
    return (
        f"unique_{model}_event_id"
        if model != "int_interactions"
        else f"unique_{model}_interaction_id"
    )


@contextmanager
def _planted(project: DbtProject, build: Build) -> Iterator[None]:
    """Break a node, in the parsed manifest or in the file of the seed, and mend it afterwards."""
    manifest = project.manifest()
    if build.fault == "seed":
        path = project.root / f"seeds/{build.node}.csv"
        right = path.read_text(encoding="utf-8")
        path.write_text(right + "acme,broken,exact,not a date" + "," * 6 + "\n", encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(right, encoding="utf-8")
        return
    home: Any = manifest.nodes[f"model.llm_analytics.{build.node}"]
    attribute = "raw_code"
    if build.fault == "query":
        wrong = home.raw_code + f"\nlimit {BROKEN}"
    elif build.fault == "test":
        home = next(node for node in manifest.nodes.values() if node.name == _test_of(build.node))
        wrong = "select 1 as failing"
    else:
        home = manifest.macros["macro.llm_analytics.get_incremental_touched_sql"]
        attribute = "macro_sql"
        wrong = _broken_strategy(home.macro_sql, build)
    right = getattr(home, attribute)
    setattr(home, attribute, wrong)
    try:
        yield
    finally:
        setattr(home, attribute, right)


def _broken_strategy(strategy: str, build: Build) -> str:
    """The strategy of zone A with a statement that fails, after the delete or after the insert."""
    statement = (
        f"{{% if target.name == '{build.node}' %}}select {BROKEN};{{% endif %}}\n    "
    ).replace("target.name", "target.identifier")
    before = "insert into" if build.fault == "delete" else "{% endmacro %}"
    assert strategy.count(before) == 1
    return strategy.replace(before, statement + before)


def _check_is_half_done(build: Build, results: Any) -> None:
    """A build that breaks must have done something before, or it is no test of anything."""
    states = {result.node.name: str(result.status) for result in results}
    broken = _test_of(build.node) if build.fault == "test" else build.node
    assert states.get(broken) in ("error", "fail"), f"{build} did not break: {states}"
    assert "success" in states.values(), f"{build} did nothing before: {states}"
