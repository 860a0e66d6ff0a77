"""Consent: what is withheld shapes no mart, in whatever order choices and events arrive.

Histories with choices of every kind are loaded in pieces, each followed by a build, under a policy
that asks for consent. Every mart and every table of zone A must equal that of a warehouse whose
policy asks for nothing and that holds, built once, only the events which a plain Python reading of
the policy lets count (`reference/consent.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from histories import DAY, SCENARIOS, cut_into_loads, make_history, seeded
from reference.consent import Consent
from support.compare import Snapshot, differing_tables, snapshot
from support.project import DbtProject
from support.raw_tables import Load, RawEvent, create_raw_tables, write_loads
from support.small_project import at, small_project

pytestmark = pytest.mark.dbt

#: What stands in the policy, and what it needs of each stream.
PERSONAL = (
    "queries", "responses", "feedback", "product_events", "exposures", "evaluations",
    "user_traits",
)  # fmt: skip
ASKED = {"*": "opt_in"}
TOLD = {"*": "opt_out"}
BOTH = {"*": "opt_in", "feedback": "opt_out", "product_events": "opt_out"}
#: Tables of zone A that follow from the events that count, and from nothing else.
FACTS = (
    "int_session_events", "int_response_matches", "int_feedback_matches", "int_interactions",
    "int_as_of", "int_field_counts",
)  # fmt: skip
#: A build that leaves out what reads the streams, and one that leaves out their decisions.
PARTS = (("int_load_horizon", "int_withheld_events"), ("int_load_horizon", "int_interactions"))
#: What a test builds that must be quick; the long ones build everything.
CORE = ("+fct_interactions", "+int_user_traits", "+data_quality_daily")
#: What a build brings up to date that is no view, which stay as they are.
TABLES = ("--exclude", "path:models/staging", "path:models/intermediate/unioned")


def needs(consent: Mapping[str, str]) -> dict[str, str]:
    """What each stream needs by the rows of a policy."""
    return {stream: consent.get(stream, consent["*"]) for stream in PERSONAL}


def events_with_choices(seed: int, n_histories: int) -> list[RawEvent]:
    """Histories of users who agree, refuse and change their minds, before and after they act."""
    random = seeded(seed)
    events: list[RawEvent] = []
    for number in range(n_histories):
        scenarios = random.choices(SCENARIOS, k=random.randrange(1, 6))
        history = make_history(f"{number}-", random.randrange(2**31), scenarios)
        history += _other_streams(history, f"{number}-", random)
        sent = {e.fields["event_id"] for e in history if e.stream == "queries"}
        # A query that was sent is never implied, also where it is withheld.
        history = [
            event
            for event in history
            if not (event.fields.get("implies_query") and event.fields.get("query_id") in sent)
        ]
        events += history + _choices(history, f"{number}-", random)
    return events


def loads_with_choices(seed: int, n_histories: int, n_loads: int = 6) -> list[Load]:
    """The same, cut into loads in which events and choices of any time may come."""
    loads = cut_into_loads(events_with_choices(seed, n_histories), n_loads, seeded(seed))
    return _refused_at_last(loads)


def _refused_at_last(loads: Sequence[Load]) -> list[Load]:
    """With events of the first load that nothing but a refusal in the last one touches."""
    began = min(event.fields["timestamp"] for load in loads for event in load.events)
    contents: dict[str, dict[str, Any]] = {
        "queries": {},
        "responses": {"provider": "openai", "request_model": "gpt-4o", "output_tokens": 7},
        "feedback": {"feedback_type": "thumbs_up"},
        "product_events": {"name": "opened", "is_user_action": True},
    }
    sent: list[RawEvent] = []
    refused: list[RawEvent] = []
    for stream, fields in contents.items():
        common = {"event_id": f"alone-{stream}", "timestamp": began, "user_id": f"alone-{stream}"}
        agreed = {**common, "event_id": f"agreed-{stream}", "consent": "opt_in"}
        sent += [RawEvent(stream, common | fields, 1), RawEvent("consents", agreed, 1)]
        changed = {"event_id": f"refused-{stream}", "consent": "opt_out"}
        refused.append(RawEvent("consents", agreed | changed, len(loads)))
    first, *others, last = loads
    return [
        replace(first, events=[*first.events, *sent]),
        *others,
        replace(last, events=[*last.events, *refused]),
    ]


def _other_streams(history: Sequence[RawEvent], prefix: str, random: Random) -> list[RawEvent]:
    """Verdicts on answers, exposures and traits of users of a history."""
    made = []
    for index, event in enumerate(random.sample(history, k=min(4, len(history)))):
        fields = event.fields
        common = {"event_id": f"{prefix}o{index}", "timestamp": fields["timestamp"]}
        user = fields.get("user_id") or f"{prefix}bob"
        made += [
            RawEvent(
                "exposures", common | {"user_id": user, "experiment_id": "e", "variant": "control"}
            ),
            RawEvent("user_traits", common | {"user_id": user, "trait": "plan", "value": "pro"}),
        ]
        if event.stream == "responses":
            answer = fields.get("response_id") or fields["event_id"]
            verdict = {"criterion": "accuracy", "evaluator_kind": "judge", "label": "correct"}
            made.append(RawEvent("evaluations", common | verdict | {"response_id": answer}))
    return made


def _choices(history: Sequence[RawEvent], prefix: str, random: Random) -> list[RawEvent]:
    """Choices of every id of a history: before all, and at and around the times of its events."""
    moments = [event.fields["timestamp"] for event in history]
    made: list[RawEvent] = []

    def choose(user: str, timestamp: int, consent: str, **fields: Any) -> None:
        made.append(
            RawEvent(
                "consents",
                {
                    "event_id": f"{prefix}k{len(made)}",
                    "timestamp": timestamp,
                    "user_id": user,
                    "consent": consent,
                }
                | fields,
            )
        )

    for name in ("ann", "bob", "eve", "phone0", "phone1"):
        user = f"{prefix}{name}"
        if random.random() < (0.8 if name in ("ann", "bob") else 0.3):
            choose(user, min(moments) - DAY, "opt_in")
        for _ in range(random.choice((0, 0, 1, 2, 3) if name != "phone1" else (0, 1))):
            moment = random.choice(moments) + random.choice((0, 0, 0, -1, 1))
            choose(user, moment, random.choice(("opt_in", "opt_in", "opt_out")))
            if random.random() < 0.2:
                choose(user, moment, random.choice(("opt_in", "opt_out")))
            if random.random() < 0.2:
                choose(user, moment, "opt_out", purpose="marketing")
        if random.random() < 0.05:
            choose(user, random.choice(moments) + 7, "erasure")
    for index, event in enumerate(random.sample(made, k=min(2, len(made)))):
        corrected = random.choice(
            (
                {"consent": "opt_out"},
                {"user_id": f"{prefix}ann"},
                {"timestamp": random.choice(moments) + 3},
            )
        )
        if event.fields["consent"] != "erasure":
            version = {"event_version": index + 1}
            made.append(RawEvent("consents", {**event.fields, **corrected, **version}))
    return made


def what_changed(loads: Sequence[Load], needed: Mapping[str, str]) -> Counter[str]:
    """How many events that had been read came to be withheld, or to count, by a later load."""
    known: list[RawEvent] = []
    found: Counter[str] = Counter()
    states = []
    for load in loads:
        known = [*known, *load.events]
        read = {(e.stream, e.fields["event_id"]) for e in known if e.stream in needed}
        states.append((read, Consent(known, needed).withheld(known)))
    for (read, before), (_, after) in pairwise(states):
        found["came to be withheld"] += len((after - before) & read)
        found["came to count"] += len(before - after)
    found["withheld"] = len(states[-1][1])
    found["counted"] = len(states[-1][0] - states[-1][1])
    return found


def write_policy(project: DbtProject, consent: Mapping[str, str], opt_out: str) -> None:
    """Put a policy in force: what the streams need, and what a refusal takes out."""
    lines = ["rule,stream,field,value", "text,*,*,drop", f"opt_out,*,*,{opt_out}"]
    lines += [f"consent,{stream},*,{value}" for stream, value in consent.items()]
    (project.root / "seeds/privacy_policy.csv").write_text("\n".join(lines) + "\n")


def grown(
    project: DbtProject,
    loads: Sequence[Load],
    consent: Mapping[str, str],
    models: Sequence[str] = (),
    parts: Sequence[Sequence[str]] = PARTS,
) -> Snapshot:
    """All tables after the loads came one by one, each followed by a build of all or of `parts`."""
    write_policy(project, consent, "from_event")
    create_raw_tables(project)
    project.dbt("seed")
    for number, load in enumerate(loads):
        write_loads(project, [load])
        if 0 < number <= len(parts):
            project.dbt("run", "--select", *parts[number - 1])
        elif number < len(loads) - 1:
            project.dbt("run", "--select", "+int_interactions")
    project.dbt("run", *(("--select", *models, *TABLES) if models else ()))
    return snapshot(project)


def built_of_what_counts(
    project: DbtProject,
    loads: Sequence[Load],
    needed: Mapping[str, str],
    models: Sequence[str] = (),
) -> Snapshot:
    """All tables of one build of the events that may count, where the policy asks for nothing."""
    events = [event for load in loads for event in load.events]
    withheld = Consent(events, needed).withheld(events)
    write_policy(project, TOLD, "all_history")
    create_raw_tables(project)
    write_loads(
        project,
        [
            replace(load, events=[_agreed(e) for e in load.events if _key(e) not in withheld])
            for load in loads
        ],
    )
    project.dbt("seed")
    project.dbt("run", *(("--select", *models) if models else ()))
    return snapshot(project)


def _key(event: RawEvent) -> tuple[str, str]:
    return event.stream, event.fields["event_id"]


def _agreed(event: RawEvent) -> RawEvent:
    """The same, but for a refusal that the other warehouse takes for all history."""
    if event.fields.get("consent") == "opt_out":
        return event._replace(fields={**event.fields, "consent": "opt_in"})
    return event


def assert_withheld_shapes_nothing(
    one: DbtProject,
    other: DbtProject,
    loads: Sequence[Load],
    consent: Mapping[str, str],
    models: Sequence[str] = (),
) -> None:
    """What has grown under the policy equals what is built of what counts."""
    changed = what_changed(loads, needs(consent))
    assert min(changed[name] for name in ("withheld", "counted", "came to be withheld")) > 20
    assert changed["came to count"]
    built = grown(one, loads, consent, models)
    expected = built_of_what_counts(other, loads, needs(consent), models)
    n_withheld = one.query("select sum(n_withheld) from marts.data_quality_daily")[0][0]
    events = [event for load in loads for event in load.events]
    withheld = Consent(events, needs(consent)).withheld(events)
    assert n_withheld == sum(stream != "user_traits" for stream, _ in withheld)
    faults = differing_tables(_comparable(one, built), _comparable(other, expected))
    assert not faults, "\n".join(faults)


def _comparable(project: DbtProject, tables: Snapshot) -> Snapshot:
    """Marts, and the facts that they read; what is counted of withheld events apart."""
    marts = {
        row[0]
        for row in project.query(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        )
    }
    kept = {name: table for name, table in tables.items() if name in marts or name in FACTS}
    columns, rows = kept["data_quality_daily"]
    place = columns.index("n_withheld")
    sent = columns.index("n_events")
    kept["data_quality_daily"] = (
        columns[:place] + columns[place + 1 :],
        [row[:place] + row[place + 1 :] for row in rows if row[sent]],
    )
    return kept


def test_what_is_withheld_shapes_no_mart(small: DbtProject, tmp_path: Path) -> None:
    policy = small.root / "seeds/privacy_policy.csv"
    shipped = policy.read_text()
    one, other = at(small, tmp_path / "one"), at(small, tmp_path / "other")
    try:
        assert_withheld_shapes_nothing(one, other, loads_with_choices(1, 40, 3), BOTH, CORE)
    finally:
        policy.write_text(shipped)


@pytest.mark.long
@pytest.mark.parametrize("consent", [ASKED, TOLD, BOTH], ids=["asked", "told", "both"])
@pytest.mark.parametrize("seed", [2, 3])
def test_what_is_withheld_shapes_no_mart_often(
    tmp_path: Path, consent: Mapping[str, str], seed: int
) -> None:
    project = small_project(tmp_path)
    one, other = at(project, tmp_path / "one"), at(project, tmp_path / "other")
    assert_withheld_shapes_nothing(one, other, loads_with_choices(seed, 60), consent)


@pytest.mark.long
def test_what_is_withheld_shapes_no_mart_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    from support.postgres import create_database, drop_database

    project = replace(small_project(tmp_path), manifests={})
    loads = loads_with_choices(4, 30)

    def fresh() -> DbtProject:
        return replace(project, warehouse=create_database(postgres_url, "warehouse"))

    one = fresh()
    # No parts: a table built anew takes the views that read it with it (docs/incremental.md).
    built = _comparable(one, grown(one, loads, BOTH, parts=()))
    drop_database(postgres_url, "warehouse")
    other = fresh()
    expected = _comparable(other, built_of_what_counts(other, loads, needs(BOTH)))
    faults = differing_tables(built, expected)
    assert not faults, "\n".join(faults)
