"""All facts of a set of raw events: what zone A of the models holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reference.costs import cost_of, find_price, is_success, normalised_input
from reference.identity import Identities, sent_user
from reference.interactions import interactions
from reference.matching import match_calls, match_feedback
from reference.sessions import session_events
from reference.settings import Alias, Goal, Price, Settings
from reference.streams import Row, standing_events
from support.raw_tables import RawEvent


@dataclass(frozen=True)
class Inputs:
    """What the models read besides events."""

    prices: Sequence[Price] = ()
    aliases: Sequence[Alias] = ()
    goals: Sequence[Goal] = ()
    excluded_users: frozenset[str] = frozenset()
    #: When the newest load was made; no event reaches further.
    loaded_at: datetime = datetime.max
    settings: Settings = field(default_factory=Settings)


class World:
    """The facts of zone A, one attribute per model."""

    def __init__(self, raw: Sequence[RawEvent], inputs: Inputs):
        """Compute all of them; nothing is changed afterwards."""
        self.inputs = inputs
        standing = standing_events(raw)
        self.identities = Identities(standing["identities"])
        self.queries = standing["queries"]
        self.product_events = standing["product_events"]
        self.session_events = session_events(standing, self.identities, inputs.settings)
        self.calls = [self._call(call) for call in match_calls(standing["responses"], self.queries)]
        self.feedback = [
            remark | {"user_id": self.identities.user_of(sent_user(remark))}
            for remark in match_feedback(standing["feedback"], self.calls, self.queries)
        ]
        self.interactions = interactions(
            self.queries,
            self.calls,
            self.feedback,
            self.session_events,
            self.identities,
            inputs.settings,
        )
        #: By stream, how far its events reach: the newest, never later than the newest load.
        self.as_of: dict[str, datetime | None] = {
            stream: min(max(row["occurred_at"] for row in rows), inputs.loaded_at)
            if (rows := standing[stream])
            else None
            for stream in (
                "queries", "responses", "feedback", "product_events", "exposures", "evaluations",
            )
        }  # fmt: skip

    def _call(self, call: Row) -> Row:
        """A matched call with its user, its tokens as the models count them, and its cost."""
        inputs = self.inputs
        naming = find_price(call, call["occurred_at"].date(), inputs.prices, inputs.aliases)
        cost = cost_of(call, naming, inputs.settings)
        user = sent_user(call)
        if user is None and call["query"] is not None:
            user = sent_user(call["query"])
        return call | {
            "user_id": self.identities.user_of(user),
            "is_success": is_success(call),
            "provider": naming.provider,
            "model": naming.model,
            "input_tokens": normalised_input(call),
            "cache_read_tokens": call["cache_read_tokens"] or 0,
            "cache_write_tokens": call["cache_write_tokens"] or 0,
            "cost_basis": cost.basis,
            "cost_usd": cost.usd,
            "cost_low_usd": cost.low,
            "cost_high_usd": cost.high,
        }
