"""Visits: activity of a user without a pause of more than the gap, never cut at midnight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from reference.identity import Identities, sent_user
from reference.settings import Settings
from reference.streams import Row, surrogate_key


def session_events(
    standing: Mapping[str, Sequence[Row]], identities: Identities, settings: Settings
) -> list[Row]:
    """One row per activity event of a user, with its session. Calls are no activity."""
    activity: dict[str, list[Row]] = defaultdict(list)
    for stream, name in (("query", "queries"), ("feedback", "feedback")):
        for event in standing[name]:
            _add(activity, stream, event, identities)
    for event in standing["product_events"]:
        if event["is_user_action"]:
            _add(activity, "product_event", event, identities)

    placed = []
    for user, events in activity.items():
        session_id, previous_at = "", None
        for event in sorted(events, key=lambda event: event["occurred_at"]):
            if previous_at is None or event["occurred_at"] - previous_at > settings.session_gap:
                session_id = surrogate_key((user, _microseconds(event["occurred_at"])))
            previous_at = event["occurred_at"]
            placed.append(event | {"session_id": session_id})
    return placed


def _add(activity: dict[str, list[Row]], stream: str, event: Row, identities: Identities) -> None:
    user = identities.user_of(sent_user(event))
    if user is not None:
        activity[user].append(
            {
                "stream": stream,
                "event_id": event["event_id"],
                "user_id": user,
                "occurred_at": event["occurred_at"],
            }
        )


def _microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of a naive UTC timestamp."""
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
