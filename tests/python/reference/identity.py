"""Who did it: aliases belong to a user, back in time, unless two users claim them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from reference.streams import Row


class Identities:
    """What is known of aliases from the events that link them to users."""

    def __init__(self, links: Iterable[Row]):
        """Take the links that stand, one row per identity event."""
        self.claims: dict[str, set[str]] = defaultdict(set)
        for link in links:
            alias, user = link["alias_id"], link["user_id"]
            if alias is not None and user is not None and alias != user:
                self.claims[alias].add(user)

    def user_of(self, sent: str | None) -> str | None:
        """The user behind an id as it was sent. Links are not followed twice."""
        users = self.claims.get(sent, set()) if sent is not None else set()
        return next(iter(users)) if len(users) == 1 else sent


def sent_user(event: Row) -> str | None:
    """The id an event was sent under: the user's, else the device's."""
    user: str | None = event["user_id"] or event["anonymous_id"]
    return user
