"""One query, the calls that serve it and the feedback on its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from reference.identity import Identities, sent_user
from reference.matching import newest, order_of, thread_of
from reference.settings import Settings
from reference.streams import Row

TOKENS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
)  # fmt: skip


def interactions(
    queries: Sequence[Row],
    calls: Sequence[Row],
    remarks: Sequence[Row],
    placed: Sequence[Row],
    identities: Identities,
    settings: Settings,
) -> list[Row]:
    """One row per query; `calls` and `remarks` are matched, `placed` are events in sessions."""
    sessions = {
        each["event_id"]: each["session_id"] for each in placed if each["stream"] == "query"
    }
    calls_of = _by_query(calls)
    remarks_of = _by_query(remarks)
    conversations: dict[str, list[Row]] = defaultdict(list)
    for query in queries:
        session_id = sessions.get(query["event_id"])
        own = [query["conversation_id"], query["source_session_id"], query["trace_id"], session_id]
        key = next((each for each in own if each is not None), query["event_id"])
        conversations[key].append(
            query
            | {
                "interaction_id": query["event_id"],
                "user_id": identities.user_of(sent_user(query)),
                "session_id": session_id,
                "conversation_id": key,
                "thread_id": thread_of(query),
            }
        )
    rows = []
    for turns in conversations.values():
        previous: Row | None = None
        for turn_number, query in enumerate(sorted(turns, key=order_of), start=1):
            rows.append(
                _interaction(
                    query,
                    turn_number,
                    _refinement_rule(query, previous, settings),
                    calls_of[query["event_id"]],
                    remarks_of[query["event_id"]],
                    settings,
                )
            )
            previous = query
    return rows


def _by_query(events: Iterable[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for event in events:
        if event["query"] is not None:
            found[event["query"]["event_id"]].append(event)
    return found


def _refinement_rule(query: Row, previous: Row | None, settings: Settings) -> str | None:
    """Why a query refines the one before it in its conversation, if it does."""
    if query["query_kind"] in ("regenerate", "edit"):
        return "kind"
    if query["is_clarification"]:
        return "label"
    if previous is None:
        return None
    pause = query["occurred_at"] - previous["occurred_at"]
    if pause <= settings.refinement_window and is_similar(previous, query, settings):
        return "similarity"
    return None


def is_similar(one: Row, other: Row, settings: Settings) -> bool:
    """Similar word sets, by signatures of 32 positions of 4 bits; not so without signatures."""
    names = ("text_signature_1", "text_signature_2")
    if any(query[name] is None for query in (one, other) for name in names):
        return False
    equal = sum(
        (one[name] >> shift) & 15 == (other[name] >> shift) & 15
        for name in names
        for shift in range(0, 64, 4)
    )
    # Unequal words agree in 1 of 16 positions by chance.
    chance = Decimal(1) / 16
    return (Decimal(equal) / 32 - chance) / (1 - chance) >= settings.similarity_threshold


def answering_call(calls: Sequence[Row]) -> Row | None:
    """The last successful call of role answer; without one, the last attempt speaks for it."""
    attempts = [call for call in calls if call["call_role"] == "answer"]
    return newest(call for call in attempts if call["is_success"]) or newest(attempts)


def standing_thumbs(remarks: Sequence[Row], answer: Row | None) -> list[Row]:
    """Of each user, the last vote on the answer, unless it was taken back; in event order."""
    votes: dict[str, list[Row]] = defaultdict(list)
    for remark in remarks:
        if remark["feedback_type"] not in ("thumbs_up", "thumbs_down", "retracted"):
            continue
        call = remark["call"]
        if call is None or (answer is not None and call["event_id"] == answer["event_id"]):
            # Votes without a user are votes of as many users.
            votes[remark["user_id"] or f"event:{remark['event_id']}"].append(remark)
    last = [newest(each) for each in votes.values()]
    standing = [vote for vote in last if vote and vote["feedback_type"] != "retracted"]
    return sorted(standing, key=order_of)


def end_state(
    n_attempts: int, is_answered: bool, thumbs: str | None, latency: int | None, settings: Settings
) -> str:
    """How an interaction left its user; the worst comes first."""
    if n_attempts == 0:
        return "unanswered"
    if not is_answered:
        return "error"
    if thumbs == "down":
        return "negative_feedback"
    if latency is not None and latency > settings.slow_answer_ms:
        return "slow"
    return "normal"


def _interaction(
    query: Row,
    turn_number: int,
    refinement_rule: str | None,
    calls: Sequence[Row],
    remarks: Sequence[Row],
    settings: Settings,
) -> Row:
    attempts = [call for call in calls if call["call_role"] == "answer"]
    answer = answering_call(calls)
    is_answered = answer is not None and answer["is_success"]
    spoken: Row = answer if answer is not None else {}
    measured: Row = spoken if is_answered else {}
    votes = standing_thumbs(remarks, answer)
    thumbs = votes[-1]["feedback_type"].removeprefix("thumbs_") if votes else None
    latency = _measured(measured, "latency_ms")
    n_unpriced = sum(call["cost_usd"] is None for call in calls)
    bases = {call["cost_basis"] for call in calls} - {"unbilled"}
    return {
        **{name: query[name] for name in (
            "interaction_id", "user_id", "session_id", "conversation_id", "thread_id",
            "account_id", "app_id", "environment", "platform", "app_version", "source",
            "feature", "sequence_number", "query_length", "is_implied", "has_conflict",
        )},
        "kind": query["query_kind"],
        "turn_number": turn_number,
        "asked_at": query["occurred_at"],
        "answer_event_id": spoken.get("event_id"),
        "answered_at": measured.get("occurred_at"),
        "answer_due_at": query["occurred_at"] + settings.answer_due,
        "is_answered": is_answered,
        "refinement_rule": refinement_rule,
        "is_signature_known": query["text_signature_1"] is not None,
        "n_calls": len(calls),
        "n_attempts": len(attempts),
        "n_failed_attempts": sum(not call["is_success"] for call in attempts),
        "n_steps": sum(call["call_role"] == "step" for call in calls),
        **{name: spoken.get(name) for name in (
            "provider", "model", "prompt_name", "prompt_version", "response_length",
        )},
        **{name: total(call[name] for call in calls) for name in TOKENS},
        "total_tokens": total(map(total_tokens, calls)),
        "answer_output_tokens": spoken.get("output_tokens"),
        "latency_ms": latency,
        "client_latency_ms": _measured(measured, "client_latency_ms"),
        "time_to_first_token_ms": _measured(measured, "time_to_first_token_ms"),
        "n_unpriced_calls": n_unpriced,
        "logged_cost_usd": total(call["logged_cost_usd"] for call in calls),
        "thumbs": thumbs,
        "n_copies": sum(remark["feedback_type"] == "copy" for remark in remarks),
        "n_shares": sum(remark["feedback_type"] == "share" for remark in remarks),
        "end_state": end_state(len(attempts), is_answered, thumbs, latency, settings),
        **{
            name: None if n_unpriced else sum((call[name] for call in calls), Decimal(0))
            for name in ("cost_usd", "cost_low_usd", "cost_high_usd")
        },
        "cost_basis": (
            "none" if not calls
            else "mixed" if len(bases) > 1
            else next(iter(bases), "unbilled")
        ),
    }  # fmt: skip


def _measured(answer: Row, name: str) -> int | None:
    """A duration of a successful answer; a negative one is a broken clock, not a duration."""
    value: int | None = answer.get(name)
    return value if value is not None and value >= 0 else None


def total_tokens(call: Row) -> int | None:
    """Input and output, else what the tracker gives as the sum."""
    if call["input_tokens"] is not None and call["output_tokens"] is not None:
        return int(call["input_tokens"] + call["output_tokens"])
    used: int | None = call["tokens_used"]
    return used


def total(values: Iterable[Any]) -> Any:
    """The sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
