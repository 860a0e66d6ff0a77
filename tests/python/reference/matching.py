"""Which query a call serves, and which call feedback is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reference.costs import is_success
from reference.identity import sent_user
from reference.streams import Row


def thread_of(event: Row) -> str:
    """What an event belongs to by its own ids; without any, all that its user sends without any."""
    for name in ("conversation_id", "source_session_id", "trace_id"):
        if event[name] is not None:
            return str(event[name])
    user = sent_user(event)
    return f"user:{user}" if user is not None else f"event:{event['event_id']}"


def newest(events: Iterable[Row]) -> Row | None:
    """The last in event order."""
    return max(events, key=order_of, default=None)


def order_of(event: Row) -> tuple[Any, ...]:
    """The one order of events of a stream."""
    return (event["occurred_at"], event["sequence_number"] or 0, event["event_id"].encode())


def match_calls(calls: Sequence[Row], queries: Sequence[Row]) -> list[Row]:
    """Each call with `query`, the query it serves (None: orphan), and `match_rule`.

    A call that names its query serves that query or, until it is known, none. Another call serves
    a query of its trace, else one of its turn in its thread, else the query before it in its
    thread. Of several of one rule: the latest not after the call, else the first after it.
    """
    matched = []
    for call in calls:
        query, rule = _query_of(call, queries)
        matched.append(call | {"query": query, "match_rule": rule})
    return matched


def _query_of(call: Row, queries: Sequence[Row]) -> tuple[Row | None, str]:
    if call["query_id"] is not None:
        for query in queries:
            if query["event_id"] == call["query_id"]:
                return query, "implied" if query["is_implied"] else "query_id"
        return None, "orphan"
    in_thread = [query for query in queries if thread_of(query) == thread_of(call)]
    by_rule = {
        "trace_id": [
            query
            for query in queries
            if call["trace_id"] is not None and query["trace_id"] == call["trace_id"]
        ],
        "turn": [
            query
            for query in in_thread
            if call["conversation_turn"] is not None
            and query["conversation_turn"] == call["conversation_turn"]
        ],
    }
    for rule, candidates in by_rule.items():
        if candidates:
            before = [each for each in candidates if each["occurred_at"] <= call["occurred_at"]]
            return newest(before) or min(candidates, key=order_of), rule
    # A query of the same instant comes first unless its sequence number says otherwise.
    moment = (call["occurred_at"], call["sequence_number"] or 0)
    before = [each for each in in_thread if order_of(each)[:2] <= moment]
    return (newest(before), "order") if before else (None, "orphan")


def match_feedback(
    remarks: Sequence[Row], calls: Sequence[Row], queries: Sequence[Row]
) -> list[Row]:
    """Each remark with `call`, `query` and `match_rule`; `calls` are matched calls.

    By the response it names, else by the query it names, else the latest successful answer before
    it in the conversation, session or trace where it was given. A survey is about no response.
    """
    matched = []
    for remark in remarks:
        call, query, rule = _subject_of(remark, calls, queries)
        matched.append(remark | {"call": call, "query": query, "match_rule": rule})
    return matched


def _subject_of(
    remark: Row, calls: Sequence[Row], queries: Sequence[Row]
) -> tuple[Row | None, Row | None, str]:
    response_id, query_id = remark["response_id"], remark["query_id"]
    if response_id is not None:
        named = newest(
            call for call in calls if (call["response_id"] or call["event_id"]) == response_id
        )
        if named is not None:
            return named, named["query"], "response_id"
    if query_id is not None:
        for query in queries:
            if query["event_id"] == query_id:
                return None, query, "query_id"
    is_survey = remark["feedback_type"] in ("nps", "csat")
    if is_survey:
        return None, None, "survey"
    scope = remark["conversation_id"] or remark["source_session_id"] or remark["trace_id"]
    if scope is not None and query_id is None:
        before = newest(
            call
            for call in calls
            if call["call_role"] == "answer"
            and is_success(call)
            and scope in (call["conversation_id"], call["source_session_id"], call["trace_id"])
            and call["occurred_at"] <= remark["occurred_at"]
            # A call with a response id of its own is not the unknown one that is named.
            and (response_id is None or call["response_id"] is None)
        )
        if before is not None:
            return before, before["query"], "order"
    return None, None, "orphan"
