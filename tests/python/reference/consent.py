"""Which events may count: for each of them, what those whom it is about chose before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reference.identity import Identities
from reference.streams import COLUMNS, Row, standing_events
from support.raw_tables import RawEvent, occurred_at

#: What links an event that names nobody to one that does, by stream: what the field is there.
_LINKS = {
    "queries": {"query": "event_id"},
    "responses": {"query": "query_id", "answer": "response_id"},
    "feedback": {"query": "query_id", "answer": "response_id"},
    "evaluations": {"answer": "response_id"},
}
_THREADS = {"conversation": "conversation_id", "session": "session_id", "trace": "trace_id"}
_REFUSALS = ("opt_out", "erasure")

Event = tuple[str, str]
Link = tuple[str, str]


class Consent:
    """The choices of a set of raw events, and what they mean under a policy."""

    def __init__(self, raw: Sequence[RawEvent], needs: Mapping[str, str]):
        """`needs` says by stream opt_in or opt_out; a refusal holds from its moment on."""
        self.needs = needs
        self.identities = Identities(standing_events(raw)["identities"])
        #: By user, each of the user's ids with its choices in order.
        self.choices: dict[str | None, dict[str, list[tuple[datetime, bool]]]] = defaultdict(dict)
        self._read_choices(standing_consents(raw))
        self.people = _people(raw)

    def _read_choices(self, consents: Iterable[Row]) -> None:
        by_id: dict[str, list[Row]] = defaultdict(list)
        for row in consents:
            if row["purpose"] in (None, "analytics"):
                by_id[row["user_id"]].append(row)
        for sent, rows in by_id.items():
            rows.sort(key=_choice_order)
            made = [(row["occurred_at"], row["consent"] not in _REFUSALS) for row in rows]
            self.choices[self.identities.user_of(sent)][sent] = made

    def withheld(self, raw: Iterable[RawEvent]) -> set[Event]:
        """Events that may not count: of each of several contents it must be allowed."""
        return {
            (event.stream, event.fields["event_id"])
            for event in raw
            if event.stream in self.needs and not self._may_count(event)
        }

    def _may_count(self, event: RawEvent) -> bool:
        own = _named(event)
        people = {own} if own else self.people[event.stream, event.fields["event_id"]]
        at = occurred_at(event.fields)
        said = {state for person in people for state in self._states(person, at)}
        return False not in said and (self.needs[event.stream] == "opt_out" or True in said)

    def _states(self, sent: str | None, at: datetime) -> Iterator[bool]:
        """What each id of a person said last, at an instant or before it."""
        for made in self.choices[self.identities.user_of(sent)].values():
            before = [is_granted for when, is_granted in made if when <= at]
            yield from before[-1:]


def standing_consents(raw: Iterable[RawEvent]) -> list[Row]:
    """Of several contents of a choice the one that stands; tests give each its own version."""
    standing: dict[Any, Row] = {}
    for event in raw:
        if event.stream == "consents":
            row = {name: event.fields.get(name) for name in _CONSENT_COLUMNS}
            row["occurred_at"] = occurred_at(event.fields)
            known = standing.get(row["event_id"])
            if known is None or (row["event_version"] or 0) > (known["event_version"] or 0):
                standing[row["event_id"]] = row
    return [*standing.values()]


_CONSENT_COLUMNS = (*COLUMNS["identities"], "consent", "purpose")


def _choice_order(row: Row) -> tuple[Any, ...]:
    is_refusal = row["consent"] in _REFUSALS
    return row["occurred_at"], row["sequence_number"] or 0, is_refusal, row["event_id"]


def _named(event: RawEvent) -> str | None:
    fields = event.fields
    unit = fields.get("unit_id") if event.stream == "exposures" else None
    return fields.get("user_id") or fields.get("anonymous_id") or unit


def _links(event: RawEvent) -> set[Link]:
    """What an event has in common with others of the same people."""
    fields = event.fields
    found = {kind: fields.get(name) for kind, name in _THREADS.items()}
    found |= {kind: fields.get(name) for kind, name in _LINKS.get(event.stream, {}).items()}
    if event.stream == "responses":
        found["answer"] = found["answer"] or fields["event_id"]
        is_top_level = (
            fields.get("call_role") in (None, "answer") and fields.get("parent_response_id") is None
        )
        if fields.get("implies_query") and is_top_level:
            found["query"] = found["query"] or fields["event_id"]
    return {(kind, value) for kind, value in found.items() if value is not None}


def _people(raw: Sequence[RawEvent]) -> Mapping[Event, set[str]]:
    """Whom events that name nobody are about: by what they share, with one of them between."""
    about: dict[Link, set[str]] = defaultdict(set)
    unnamed = []
    for event in raw:
        name = _named(event)
        if event.stream not in COLUMNS or event.stream == "identities":
            continue
        if name:
            for link in _links(event):
                about[link].add(name)
        else:
            unnamed.append(event)
    people: dict[Event, set[str]] = defaultdict(set)
    for _ in range(2):
        for event in unnamed:
            for link in _links(event):
                people[event.stream, event.fields["event_id"]] |= about[link]
        for event in unnamed:
            for link in _links(event):
                about[link] |= people[event.stream, event.fields["event_id"]]
    return people
