"""Histories as a warehouse lives them: loads in any order, builds that fail, seeds that change.

A timeline is many small histories side by side, cut into arrivals, and the steps that they share:
each step may land a load, may change prices or aliases of models, and builds all of zone A, or a
part of it, or fails on the way. One integer decides all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from hypothesis import strategies as st

from histories import (
    DAY,
    MINUTE,
    SCENARIOS,
    SECOND,
    History,
    Scenario,
    choose_places,
    make_history,
    seeded,
)
from reference.settings import Alias, Price
from reference.world import Inputs
from support.raw_tables import Load, RawEvent, loaded_at
from support.small_seeds import (
    ALIASES,
    CHANGED_ALIASES,
    CORRECTED_AGAIN,
    CORRECTED_PRICES,
    PRICES,
    small_inputs,
)

#: Seeds that a step may find in force.
PRICE_LISTS: tuple[Sequence[Price], ...] = (PRICES, CORRECTED_PRICES, CORRECTED_AGAIN)
ALIAS_LISTS: tuple[Sequence[Alias], ...] = (ALIASES, CHANGED_ALIASES)

#: What a build may be left with when only some models ran.
#: With the views on a table that is built anew: PostgreSQL drops them with the old one.
_READ = (
    "int_load_horizon", "int_repeated_events", "int_duplicate_calls",
    "llm_analytics.intermediate.streams",
)  # fmt: skip
PARTS: tuple[tuple[str, ...], ...] = (
    (*_READ, "int_session_events"),
    (*_READ, "int_interactions"),
    (*_READ, "int_response_matches"),
    (*_READ, "int_identities", "int_session_events"),
    (*_READ, "int_feedback_matches", "int_interactions"),
    ("+int_response_matches",),
    ("+int_feedback_matches",),
    ("int_prices_by_day", "int_response_matches"),
    ("int_identities", "int_response_matches"),
    ("int_interactions",),
    ("int_load_horizon",),
    ("int_load_horizon", "int_repeated_events", "int_response_matches"),
    _READ,
    ("+fct_sessions",),
    ("int_responses+,path:models/intermediate",),
)

#: The incremental models.
INCREMENTAL = (
    "int_repeated_events", "int_session_events", "int_response_matches", "int_feedback_matches",
    "int_interactions",
)  # fmt: skip

#: Where a build breaks: the model's query, its transaction after the delete or after the insert,
#: a data test of the model, the file of a seed.
FaultKind = Literal["query", "delete", "insert", "test", "seed"]
FAULTS: Mapping[FaultKind, Sequence[str]] = {
    "query": ("int_identities", "int_prices_by_day", "int_excluded_users", "int_as_of"),
    "test": ("int_response_matches", "int_feedback_matches", "int_interactions"),
    "seed": ("model_prices",),
    "delete": INCREMENTAL,
    "insert": INCREMENTAL,
}
LoadKind = Literal["events", "empty", "duplicates", "none"]


@dataclass(frozen=True)
class Build:
    """What a step builds: all of zone A, or the selected parts; it may break at a node."""

    parts: tuple[str, ...] = ()
    fault: FaultKind | None = None
    node: str = ""

    @property
    def is_complete(self) -> bool:
        """Does the build bring all of zone A up to date?"""
        return not self.parts and self.fault is None

    def __str__(self) -> str:
        if self.fault:
            return f"a build that breaks at {self.node} ({self.fault})"
        return f"build {' '.join(self.parts)}" if self.parts else "build"


@dataclass(frozen=True)
class Step:
    """What is loaded, if anything, which seeds are in force, and a build."""

    load: LoadKind
    build: Build = Build()
    prices: int = 0
    aliases: int = 0


@dataclass(frozen=True)
class Arrival:
    """An event, and the step whose load brings it."""

    step: int
    event: RawEvent


@dataclass(frozen=True)
class Timeline:
    """Histories by prefix, and the steps that they share. The last step builds everything."""

    seed: int
    steps: tuple[Step, ...]
    histories: Mapping[str, tuple[Arrival, ...]] = field(repr=False)

    def load(self, number: int) -> Load | None:
        """What a step loads, as the raw tables get it; `load_seq` counts the loads from 1."""
        kind = self.steps[number].load
        if kind == "none":
            return None
        load_seq = 1 + sum(step.load != "none" for step in self.steps[:number])
        events = [
            arrival.event._replace(load_seq=load_seq)
            for arrivals in self.histories.values()
            for arrival in arrivals
            if arrival.step == number
        ]
        seeded(f"{self.seed} {number}").shuffle(events)
        return Load(load_seq, events, n_duplicates=7 if kind == "duplicates" else 0)

    def inputs(self, number: int) -> Inputs:
        """The seeds in force at a step, for the reference."""
        step = self.steps[number]
        last = next(load for load in map(self.load, range(number, -1, -1)) if load)
        return small_inputs(loaded_at(last), PRICE_LISTS[step.prices], ALIAS_LISTS[step.aliases])

    def describe(self) -> str:
        """What happens, step by step."""
        lines = []
        for number, step in enumerate(self.steps):
            lines.append(
                f"{number}. load {step.load}; prices {step.prices}, aliases {step.aliases};"
                f" {step.build}"
            )
            lines += [
                f"     {arrival.event.stream} {dict(arrival.event.fields)}"
                for arrivals in self.histories.values()
                for arrival in arrivals
                if arrival.step == number
            ]
        return "\n".join(lines)


def a_year_late(history: History) -> None:
    """A conversation that somebody goes on with after a year; its beginning is logged last."""
    ids, user = history.conversation(), history.user
    began = history.now - 366 * DAY
    history.query(user_id=user, **ids)
    history.call(at=history.now + SECOND, **ids)
    query = history.query(user_id=user, at=began, **ids)
    history.call(at=began + SECOND, query_id=query["event_id"], **ids)
    history.remark(user_id=user, at=began + MINUTE, **ids)


def early_vote(history: History) -> None:
    """A vote that is logged before the answer that it is about."""
    ids, user = history.conversation(), history.user
    asked = history.query(user_id=user, **ids)
    answer = history.new_id("responses")
    named = history.random.choice(({"response_id": answer}, {}))
    history.remark(
        user_id=user, at=history.now + MINUTE, feedback_type="thumbs_down", **named, **ids
    )
    history.wait(0, SECOND)
    history.call(event_id=answer, query_id=asked["event_id"], status="success", **ids)


def one_person(history: History) -> None:
    """Visits of a device and of a user that overlap in time; that both are one is logged last."""
    device, user = history.id("tablet"), history.user
    for _ in range(2):
        history.query(anonymous_id=device, user_id=None)
        history.wait(SECOND, 10 * MINUTE)
        history.query(user_id=user, **history.conversation())
        history.wait(MINUTE, 20 * MINUTE)
    history.add("identities", alias_id=device, user_id=user)


def bridged_midnight(history: History) -> None:
    """Two visits on either side of midnight, and an event between them that is logged last."""
    user = history.user
    midnight = history.now - history.now % DAY + DAY
    history.query(user_id=user, at=midnight - 20 * MINUTE)
    history.query(user_id=user, at=midnight + 20 * MINUTE, **history.conversation())
    bridge = {"user_id": user, "at": midnight + history.random.choice((-MINUTE, 0, MINUTE))}
    if history.chance(0.5):
        history.query(**bridge)
    else:
        history.remark(feedback_type="copy", **bridge)
    history.now = midnight + 20 * MINUTE


def other_names(history: History) -> None:
    """Calls of models whose alias or price changes."""
    for model in ("gate/large", "v2", "unheard-of", "changing"):
        query = history.query()
        history.call(
            query_id=query["event_id"], provider=None, request_model=model,
            input_tokens=1000, output_tokens=100,
        )  # fmt: skip
        history.wait(SECOND, MINUTE)


#: What happens in the histories: every scenario of a definition, and what zone A has rules for.
SITUATIONS: tuple[Scenario, ...] = (
    *SCENARIOS, a_year_late, early_vote, one_person, other_names, bridged_midnight,
    bridged_midnight,
)  # fmt: skip


def timelines(n_histories: int) -> st.SearchStrategy[Timeline]:
    """Timelines of many histories: a build takes seconds however little it builds.

    A failing one is shrunk by `support.growth`, which tries many smaller histories in one build.
    """
    return st.integers(0, 2**31 - 1).map(lambda seed: timeline(seed, n_histories))


def timeline(seed: int, n_histories: int) -> Timeline:
    """The timeline that a number stands for."""
    random = seeded(f"timeline {seed}")
    steps = _steps(random)
    histories = {}
    for number in range(n_histories):
        scenarios = random.choices(SITUATIONS, k=random.randrange(1, 7))
        events = make_history(f"{number}-", random.randrange(2**31), scenarios)
        histories[f"{number}-"] = _arrivals(events, steps, random)
    return Timeline(seed, steps, histories)


def _steps(random: Random) -> tuple[Step, ...]:
    """Eleven steps: seven loads of events, one empty, one of duplicates; seeds change three times.

    Four builds are complete, two partial, five break, each in its way.
    """
    loads: list[LoadKind] = ["empty", "duplicates", "none", "none"]
    loads += ["events"] * 6
    random.shuffle(loads)
    builds = _builds(random)
    complete = [number for number, build in enumerate(builds) if build.is_complete]
    # A change is first seen by the build that it comes before, whole, partial or broken; which of
    # the three is that of the aliases is drawn too.
    changes = [
        random.randint(complete[n - 1] + 1, complete[n])
        for n in sorted(random.sample(range(1, len(complete)), 3))
    ]
    alias_change = changes.pop(random.randrange(3))
    price_lists = (0, 1, random.choice((0, 2)))
    return tuple(
        Step(
            load,
            build,
            prices=price_lists[sum(number >= change for change in changes)],
            aliases=int(number >= alias_change),
        )
        for number, (load, build) in enumerate(zip(["events", *loads], builds, strict=True))
    )


def _builds(random: Random) -> list[Build]:
    """Builds in any order, the last of them complete."""
    faults: list[FaultKind] = ["query", "test", "seed"]
    kinds = ["complete"] * 3 + ["part"] * 2 + ["fault"] * 5
    random.shuffle(kinds)
    while kinds[: kinds.index("complete")].count("fault") > len(faults):
        random.shuffle(kinds)
    builds: list[Build] = []
    for kind in kinds:
        if kind == "fault":
            fault = faults.pop(random.randrange(len(faults)))
            builds.append(Build(fault=fault, node=random.choice(FAULTS[fault])))
        else:
            is_first = not any(build.is_complete for build in builds)
            # In an empty warehouse a part needs all that it reads.
            parts = [part for part in PARTS if part[0].startswith("+") or not is_first]
            builds.append(Build(parts=random.choice(parts) if kind == "part" else ()))
            # Only what is there can break while it is replaced.
            if kind == "complete" and is_first:
                faults += ["delete", "insert"]
    return [*builds, Build()]


def _arrivals(
    events: Sequence[RawEvent], steps: Sequence[Step], random: Random
) -> tuple[Arrival, ...]:
    """Cut a history into the loads of the steps; some events land a second time, unchanged."""
    places = [number for number, step in enumerate(steps) if step.load == "events"]
    again = next(number for number, step in enumerate(steps) if step.load == "duplicates")
    arrivals = [
        Arrival(place, event)
        for event, place in zip(events, choose_places(events, places, random), strict=True)
    ]
    copies = [
        Arrival(random.choice(places), arrival.event)
        for arrival in arrivals
        if random.random() < 0.03
    ]
    copies += [
        Arrival(again, arrival.event)
        for arrival in arrivals
        if arrival.step < again and random.random() < 0.2
    ]
    return (*arrivals, *copies)


def renamed(arrivals: Sequence[Arrival], old: str, new: str) -> tuple[Arrival, ...]:
    """The same history under another prefix, so that variants of it can stand side by side."""
    return tuple(
        Arrival(
            arrival.step,
            arrival.event._replace(
                fields={
                    name: new + value.removeprefix(old)
                    if isinstance(value, str) and value.startswith(old)
                    else value
                    for name, value in arrival.event.fields.items()
                }
            ),
        )
        for arrival in arrivals
    )
