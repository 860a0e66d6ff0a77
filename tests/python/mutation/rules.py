"""The rules of docs/incremental.md, each broken on purpose: what it says, where, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mutation.mutants import Mutant


class Rule(NamedTuple):
    """A rule of zone A, and one text of a model or macro whose replacement breaks it."""

    name: str
    #: `model.` or `macro.` and its name.
    place: str
    right: str
    wrong: str


_SESSIONS = "model.int_session_events"
_CALLS = "model.int_response_matches"
_FEEDBACK = "model.int_feedback_matches"
_INTERACTIONS = "model.int_interactions"
_TOUCHED = "macro.get_incremental_touched_sql"
_VERSIONS = "macro.standing_versions"
_PRECEDENCE = "macro.precedence"

_IN_FULL_BUILDS = (_VERSIONS, _PRECEDENCE, "model.int_repeated_events", "model.int_implied_queries")

#: A condition that never holds, in front of the rest of its line.
_NEVER = "1 = 0 and "


def _never(name: str, place: str, condition: str) -> Rule:
    """The rule goes, as its condition never holds."""
    return Rule(name, place, condition, _NEVER + condition)


RULES = (
    # A load is read once, by each model, from where it is itself.
    Rule("each model goes on from where it is", "macro.is_unread", "{{ load_seq }} > (",
         "{{ load_seq }} > 1 + ("),
    Rule("an id sent again counts as unread", _VERSIONS,
         "max(load_seq) over (partition by event_id) as load_seq", "load_seq"),
    Rule("the version decides, never the order of arrival", _PRECEDENCE,
         "coalesce({{ event_version }}, 0) desc", "load_seq desc"),
    Rule("of one version the greatest hash stands", _PRECEDENCE,
         "{{ llm_analytics.text_order(content_key) }} desc", "load_seq desc"),
    Rule("ids that repeat are noticed", "model.int_repeated_events", "having count(*) > 1",
         "having count(*) > 2"),
    Rule("a query that calls imply no more", "model.int_implied_queries",
         "2 as place\n    from once_implying",
         "2 as place\n    from once_implying\n    where 1 = 0"),
    # What is touched is deleted and inserted as a whole, in one transaction.
    Rule("old rows go", _TOUCHED, "delete from {{ target }}\n    where ",
         "delete from {{ target }}\n    where 1 = 0 and "),
    Rule("delete and insert are one transaction", _TOUCHED, "insert into {{ target }}",
         "commit; begin; insert into {{ target }}"),
    Rule("rows that only mark a removal do not stay", _TOUCHED, "where not is_removal", ""),
    # Sessions close over islands.
    _never("an alias that belongs to another user moves events", _SESSIONS,
           "kept.user_id <> coalesce("),
    Rule("the session where the event was", _SESSIONS,
         "select kept.session_id\n    from {{ this }} as kept\n"
         "    inner join touched_events\n        on\n",
         "select kept.session_id\n    from {{ this }} as kept\n"
         "    inner join touched_events\n        on 1 = 0 and\n"),
    _never("the sessions within one gap", _SESSIONS,
           "sessions_of_touched_users.user_id = touched_events.user_id"),
    # Calls close over the thread, and over slow inputs by fingerprint.
    Rule("the calls of the thread of a query", _CALLS,
         "or thread_id in (select unread_queries.thread_id from unread_queries)", ""),
    Rule("the calls that serve a query", _CALLS,
         "interaction_id in (select unread_queries.event_id from unread_queries)", "1 = 0"),
    Rule("the calls that name a query", _CALLS,
         "or query_id in (select unread_queries.event_id from unread_queries)", ""),
    Rule("the calls that share the trace of a query", _CALLS,
         "or trace_id in (select unread_queries.trace_id from unread_queries)", ""),
    _never("the calls sent under an alias", _CALLS, "kept.resolved_user_id\n"),
    _never("the calls whose price differs", _CALLS,
           "coalesce(kept.price_fingerprint, '') <> prices.price_fingerprint"),
    _never("a call leaves word where it was", _CALLS,
           "kept.interaction_id <> coalesce(costed.interaction_id, '')"),
    # Feedback.
    Rule("the feedback on a call", _FEEDBACK,
         "response_event_id in (select unseen_calls.event_id from unseen_calls)", "1 = 0"),
    Rule("the feedback that names a response", _FEEDBACK,
         "or response_id in (select unseen_calls.response_id from unseen_calls)", ""),
    Rule("the feedback that names a call", _FEEDBACK,
         "or response_id in (select unseen_calls.event_id from unseen_calls)", ""),
    Rule("the feedback that names a query", _FEEDBACK,
         "or query_id in (select unread_queries.event_id from unread_queries)", ""),
    Rule("the feedback of the conversation", _FEEDBACK,
         "or scope_id in (select unseen_calls.conversation_id from unseen_calls)", ""),
    Rule("the feedback of the session", _FEEDBACK,
         "or scope_id in (select unseen_calls.source_session_id from unseen_calls)", ""),
    Rule("the feedback of the trace", _FEEDBACK,
         "or scope_id in (select unseen_calls.trace_id from unseen_calls)", ""),
    _never("the feedback sent under an alias", _FEEDBACK, "kept.resolved_user_id <> coalesce("),
    _never("feedback leaves word where it was", _FEEDBACK,
           "kept.interaction_id <> coalesce(identified.interaction_id, '')"),
    # Interactions close over the thread.
    Rule("the thread as it is", _INTERACTIONS,
         "where event_id in (select changed_query_ids.event_id from changed_query_ids)\n",
         "where 1 = 0\n"),
    Rule("the thread as it was", _INTERACTIONS,
         "where interaction_id in (select changed_query_ids.event_id from changed_query_ids)",
         "where 1 = 0"),
    Rule("the thread of a query whose session changed", _INTERACTIONS, "stream = 'query'\n"
         "        and {{ llm_analytics.is_unseen(", "1 = 0\n"
         "        and {{ llm_analytics.is_unseen("),
    _never("the thread of a query that lost its user", _INTERACTIONS,
           "kept.session_id is not null"),
    Rule("the thread of a call", _INTERACTIONS,
         "where {{ llm_analytics.is_unseen(ref('int_response_matches'), 'calls_seen_to') }}",
         "where 1 = 0"),
    Rule("the thread of feedback", _INTERACTIONS,
         "where {{ llm_analytics.is_unseen(ref('int_feedback_matches'), 'feedback_seen_to') }}",
         "where 1 = 0"),
)  # fmt: skip


def broken_rules(manifest: Any) -> Iterator[Mutant]:
    """Each rule as a mutant; an AssertionError names a rule whose text is not there once."""
    for rule in RULES:
        kind, _, name = rule.place.partition(".")
        unique_id = f"{kind}.llm_analytics.{name}"
        home = (manifest.nodes if kind == "model" else manifest.macros)[unique_id]
        code = home.raw_code if kind == "model" else home.macro_sql
        assert code.count(rule.right) == 1, f"{rule.name}: {code.count(rule.right)} times"
        yield Mutant(
            unique_id,
            home.original_file_path,
            rule.name,
            "the rule is broken",
            # What one full build makes wrong too, the reference notices.
            is_incremental=rule.place not in _IN_FULL_BUILDS,
            code=code.replace(rule.right, rule.wrong),
        )
