"""Build a world with dbt, and compare all that was built with the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.behaviour import KEYS, behaviour
from reference.marts import MARTS, Marts
from reference.streams import SOURCED_COLUMNS
from reference.world import World
from support.compare import assert_same_rows
from support.project import DbtProject
from support.raw_tables import Load, RawEvent, create_raw_tables, loaded_at, write_loads
from support.small_seeds import small_inputs

#: Models of zone A that are compared, and what they need.
FACTS = ("+int_session_events", "+int_interactions")


def build(project: DbtProject, events: Sequence[RawEvent], models: Sequence[str] = ()) -> World:
    """Build a fresh warehouse from one load; returns the reference's view of the same events.

    All models that are compared are built, unless a selection names fewer of them.
    """
    load = Load(1, events)
    create_raw_tables(project)
    write_loads(project, [load])
    project.dbt("seed")
    project.dbt("run", "--select", *(models or [f"+{mart}" for mart in (*MARTS, *KEYS)]))
    return World(events, small_inputs(loaded_at(load)))


def compare_facts(project: DbtProject, world: World) -> None:
    """Zone A: sessions, matches, costs and interactions, every column that the reference has."""
    assert_same_rows(
        "int_session_events",
        project.records("select * from intermediate.int_session_events"),
        world.session_events,
        key=("stream", "event_id"),
    )
    assert_same_rows(
        "int_response_matches",
        project.records("select * from intermediate.int_response_matches where is_current"),
        [
            call
            | {
                "resolved_user_id": call["user_id"],
                "interaction_id": call["query"] and call["query"]["event_id"],
            }
            for call in world.calls
        ],
        key=("event_id",),
        leave_out=(
            "user_id",
            "anonymous_id",
            "event_version",
            "query",
            "text_length",
            "conversation_turn",
            "implies_query",
            *SOURCED_COLUMNS,
        ),
    )
    assert_same_rows(
        "int_feedback_matches",
        project.records("select * from intermediate.int_feedback_matches where is_current"),
        [_remark(remark) for remark in world.feedback],
        key=("event_id",),
        leave_out=("user_id", "query", "call"),
    )
    assert_same_rows(
        "int_interactions",
        project.records("select * from intermediate.int_interactions"),
        world.interactions,
        key=("interaction_id",),
    )


def compare_marts(project: DbtProject, world: World) -> None:
    """The core marts and those with windows, every column that the reference has."""
    marts = Marts(world)
    expected = {mart: getattr(marts, mart) for mart in MARTS} | behaviour(marts)
    for mart, key in {**MARTS, **KEYS}.items():
        assert_same_rows(
            mart,
            project.records(f"select * from marts.{mart}"),
            expected[mart],
            key,
            leave_out=("event_id", "sequence_number", "topic"),
        )


def _remark(remark: dict[str, Any]) -> dict[str, Any]:
    return remark | {
        "resolved_user_id": remark["user_id"],
        "interaction_id": remark["query"] and remark["query"]["event_id"],
        "response_event_id": remark["call"] and remark["call"]["event_id"],
    }
