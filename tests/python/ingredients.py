"""What really happened in a timeline: a test of situations that never occur would prove nothing.

An ingredient counts when it had its effect, as the plain Python reference sees it, between two
builds that were complete: the answer did serve another query afterwards, the two sessions were one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations, pairwise
from typing import Any

from reference.world import World
from support.raw_tables import RawEvent, occurred_at
from timelines import Timeline

#: Every one must occur in the timelines of a test.
INGREDIENTS = (
    "an event a year late",
    "two sessions bridged over midnight",
    "an answer stolen by a late query",
    "feedback before its answer",
    "one id with two contents",
    "two users' sessions joined",
    "a price corrected twice",
    "an alias of a model changed",
    "an empty load",
    "a load of duplicates only",
    "a build of parts",
    "a build broken at its query",
    "a build broken at its delete",
    "a build broken at its insert",
    "a build broken at its test",
    "a build broken at its seed",
)

Key = tuple[str, str]


def ingredients(timeline: Timeline) -> Counter[str]:
    """How often each ingredient occurred; histories and steps count one by one."""
    found: Counter[str] = Counter()
    for step in timeline.steps:
        found["an empty load"] += step.load == "empty"
        found["a load of duplicates only"] += step.load == "duplicates"
        found["a build of parts"] += bool(step.build.parts)
        found[f"a build broken at its {step.build.fault}"] += step.build.fault is not None
    for prefix in timeline.histories:
        for each in _of_history(timeline, prefix):
            found[each] += 1
    return found


def _of_history(timeline: Timeline, prefix: str) -> Iterator[str]:
    """The ingredients of one history, each as often as it had its effect."""
    worlds = []
    arrivals = timeline.histories[prefix]
    complete = [n for n, step in enumerate(timeline.steps) if step.build.is_complete]
    for number in complete:
        raw = [arrival.event for arrival in arrivals if arrival.step <= number]
        worlds.append((number, raw, World(raw, timeline.inputs(number))))
    corrected: Counter[str] = Counter()
    for (before_step, raw, before), (step, _, after) in pairwise(worlds):
        new = [each.event for each in arrivals if before_step < each.step <= step]
        yield from _late(raw, new)
        yield from _in_sessions(before, after, {event.stream for event in new})
        yield from _in_matches(before, after)
        yield from _in_contents(raw, new)
        was, now = timeline.steps[before_step], timeline.steps[step]
        dearer = _dearer(before, after)
        if was.prices != now.prices and was.aliases == now.aliases:
            corrected.update(dearer)
        if was.aliases != now.aliases and was.prices == now.prices:
            yield from ["an alias of a model changed"] * bool(dearer)
    yield from ["a price corrected twice"] * sum(times > 1 for times in corrected.values())


def _late(raw: list[RawEvent], new: list[RawEvent]) -> Iterator[str]:
    newest = max((occurred_at(event.fields) for event in raw), default=None)
    for event in new:
        if newest and occurred_at(event.fields) <= newest - timedelta(days=365):
            yield "an event a year late"


def _in_sessions(before: World, after: World, streams: set[str]) -> Iterator[str]:
    """Sessions that were two and are one."""
    old = {_key(row): row for row in before.session_events}
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in after.session_events:
        sessions[row["session_id"]].append(row)
    for rows in sessions.values():
        pairs = [
            (old[_key(one)], old[_key(other)])
            for one, other in combinations(rows, 2)
            if _key(one) in old and _key(other) in old
        ]
        joined = [(a, b) for a, b in pairs if a["session_id"] != b["session_id"]]
        if "identities" in streams and any(a["user_id"] != b["user_id"] for a, b in joined):
            yield "two users' sessions joined"
        if any(
            a["user_id"] == b["user_id"] and a["occurred_at"].date() != b["occurred_at"].date()
            for a, b in joined
        ) and any(_key(row) not in old for row in rows):
            yield "two sessions bridged over midnight"


def _in_matches(before: World, after: World) -> Iterator[str]:
    """Answers and feedback that found another query or their answer."""
    queries = {query["event_id"] for query in before.queries}
    old_calls = {call["event_id"]: call for call in before.calls}
    for call in after.calls:
        was = old_calls.get(call["event_id"])
        is_placed = was and was["query"] and call["query"] and _sent(was) == _sent(call)
        if is_placed and call["query"]["event_id"] not in queries:
            yield "an answer stolen by a late query"
    old_feedback = {remark["event_id"] for remark in before.feedback}
    for remark in after.feedback:
        is_older = remark["event_id"] in old_feedback
        if is_older and remark["call"] and remark["call"]["event_id"] not in old_calls:
            yield "feedback before its answer"


def _in_contents(raw: list[RawEvent], new: list[RawEvent]) -> Iterator[str]:
    contents = defaultdict(list)
    for event in raw:
        contents[event.stream, event.fields["event_id"]].append(event.fields)
    for event in new:
        there = contents[event.stream, event.fields["event_id"]]
        if there and event.fields not in there:
            yield "one id with two contents"


def _dearer(before: World, after: World) -> list[str]:
    """Calls that are as they were, and cost something else."""
    old = {call["event_id"]: call for call in before.calls}
    return [
        call["event_id"]
        for call in after.calls
        if call["event_id"] in old
        and _sent(call) == _sent(old[call["event_id"]])
        and call["cost_usd"] != old[call["event_id"]]["cost_usd"]
    ]


#: What the reference adds to a call; the rest is as it was sent.
_COMPUTED = {
    "query", "match_rule", "user_id", "is_success", "provider", "model", "has_conflict",
    "cost_basis", "cost_usd", "cost_low_usd", "cost_high_usd",
}  # fmt: skip


def _sent(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name not in _COMPUTED}


def _key(row: dict[str, Any]) -> Key:
    return row["stream"], row["event_id"]
