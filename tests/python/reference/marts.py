"""The core marts from the facts: what counts, by session, conversation, user, day and model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from reference.identity import sent_user
from reference.interactions import TOKENS, total, total_tokens
from reference.matching import newest
from reference.settings import Goal
from reference.streams import Row
from reference.world import World

K = TypeVar("K")
END_STATES = ("unanswered", "error", "negative_feedback", "slow", "normal")


def nearest_rank(values: Iterable[int], percent: int) -> int | None:
    """The smallest value that at least this share of the values do not exceed; None without any."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None


def ratio(numerator: Any, denominator: Any) -> float | None:
    """0/0 is unknown."""
    if numerator is None or not denominator:
        return None
    return float(numerator) / float(denominator)


def grouped(rows: Iterable[Row], key: Callable[[Row], K]) -> dict[K, list[Row]]:
    """Rows by what a function says of them."""
    found: dict[K, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def whole_seconds(earlier: datetime | None, later: datetime | None) -> int | None:
    """Whole seconds from one moment to another, rounded down."""
    if earlier is None or later is None:
        return None
    return (later - earlier) // timedelta(seconds=1)


class Marts:
    """The core marts, one attribute per mart; each is a list of rows by column name."""

    def __init__(self, world: World):
        """Compute all of them; the reporting zone is UTC."""
        self.world = world
        self.settings = world.inputs.settings
        users = world.identities
        self.excluded = {users.user_of(user) for user in world.inputs.excluded_users}
        self.as_of = world.as_of["queries"]
        self.counted_calls = [call for call in world.calls if self._counts(call)]
        self.reached_goals = {
            goal for event in world.product_events for goal in goals_of(event, world.inputs.goals)
        }
        self.fct_interactions = [
            self._fct_interaction(row) for row in world.interactions if self._counts(row)
        ]
        self.fct_feedback = self._fct_feedback()
        self.fct_responses = self._fct_responses()
        self.fct_sessions = self._fct_sessions()
        self.fct_conversations = self._fct_conversations()
        self.user_days = self._user_days()
        self.engagement_daily = self._engagement_daily()
        self.abandonment_by_turn = self._abandonment_by_turn()
        self.retention_by_cohort = self._retention_by_cohort()
        self.model_performance_daily = self._model_performance_daily()
        self.reliability_daily = self._reliability_daily()
        self.satisfaction_daily = self._satisfaction_daily()
        self.cost_daily = self._cost_daily()

    def _counts(self, row: Row) -> bool:
        """Is this not the doing of somebody who is left out?"""
        return row["user_id"] is None or row["user_id"] not in self.excluded

    def _is_closed(self, last_activity_at: datetime, as_of: datetime | None) -> bool:
        return as_of is not None and last_activity_at + self.settings.session_gap < as_of

    def _is_over(self, day: date) -> bool:
        """Has the midnight that ends the day come by as_of?"""
        end = datetime.combine(day + timedelta(days=1), time())
        return self.as_of is not None and end <= self.as_of

    # facts

    def _fct_interaction(self, row: Row) -> Row:
        return {
            **{name: value for name, value in row.items()
               if name not in ("thread_id", "answer_event_id", "has_conflict")},
            "answer_id": row["answer_event_id"] if row["is_answered"] else None,
            "n_retries": max(row["n_attempts"] - 1, 0),
            "is_refinement": row["refinement_rule"] is not None,
            "interaction_date": row["asked_at"].date(),
        }  # fmt: skip

    def _fct_feedback(self) -> list[Row]:
        """Of a user's opinions on one thing the last stands, unless it takes a vote back."""
        answers = {row["interaction_id"]: row["answer_event_id"] for row in self.world.interactions}
        sessions = {
            event["event_id"]: event["session_id"]
            for event in self.world.session_events
            if event["stream"] == "feedback"
        }
        rows = []
        for remark in filter(self._counts, self.world.feedback):
            query, call = remark["query"], remark["call"]
            interaction_id = query["event_id"] if query else None
            response = call["event_id"] if call else answers.get(interaction_id)
            rows.append(
                {
                    **{name: remark[name] for name in (
                        "event_id", "sequence_number", "user_id", "survey_id", "match_rule",
                        "source", "app_id", "environment", "platform", "app_version",
                        "feedback_type", "feedback_score", "text_length", "occurred_at",
                    )},
                    "feedback_id": remark["event_id"],
                    "session_id": sessions.get(remark["event_id"]),
                    "interaction_id": interaction_id,
                    "response_event_id": response,
                    "feedback_date": remark["occurred_at"].date(),
                    "topic": _topic(remark, response, interaction_id),
                }
            )  # fmt: skip
        opinions = grouped(rows, lambda row: (row["topic"], row["user_id"] or row["event_id"]))
        for same in opinions.values():
            last = newest(same)
            for row in same:
                row["is_standing"] = row is last and row["feedback_type"] != "retracted"
        return rows

    def _fct_responses(self) -> list[Row]:
        interactions = {row["interaction_id"]: row for row in self.world.interactions}
        votes = grouped(
            (
                row
                for row in self.fct_feedback
                if row["is_standing"] and row["feedback_type"] in ("thumbs_up", "thumbs_down")
            ),
            lambda row: row["response_event_id"],
        )
        rows = []
        for call in self.counted_calls:
            served = interactions[call["query"]["event_id"]] if call["query"] else None
            vote = max(
                votes.get(call["event_id"], ()),
                key=lambda row: (row["occurred_at"], row["event_id"].encode()),
                default=None,
            )
            finish_reason = (call["finish_reason"] or "").lower()
            rows.append(
                {
                    **{name: call[name] for name in (
                        "response_id", "parent_response_id", "user_id", "account_id", "match_rule",
                        "app_id", "environment", "platform", "app_version", "source", "call_role",
                        "provider", "model", "request_model", "response_model", "model_version",
                        "prompt_name", "prompt_version", "feature", "response_format", "status",
                        "error_type", "finish_reason", "cost_basis", "attempt_number",
                        "temperature", "response_length", "citation_count", *TOKENS,
                        "tool_call_count", "cost_usd", "cost_low_usd", "cost_high_usd",
                        "tool_cost_usd", "logged_cost_usd", "is_success", "occurred_at",
                    )},
                    **{
                        name: call[name] if call[name] is not None and call[name] >= 0 else None
                        for name in ("latency_ms", "client_latency_ms", "time_to_first_token_ms")
                    },
                    "response_event_id": call["event_id"],
                    "interaction_id": served and served["interaction_id"],
                    "session_id": served and served["session_id"],
                    "conversation_id": (
                        served["conversation_id"] if served else call["conversation_id"]
                    ),
                    "total_tokens": total_tokens(call),
                    "is_latency_negative": (call["latency_ms"] or 0) < 0,
                    "is_successful_answer": call["call_role"] == "answer" and call["is_success"],
                    "is_answer": bool(
                        served
                        and served["is_answered"]
                        and served["answer_event_id"] == call["event_id"]
                    ),
                    "is_truncated": finish_reason
                    in ("length", "max_tokens", "max_output_tokens", "model_length"),
                    "is_filtered": call["status"] == "filtered"
                    or finish_reason in ("content_filter", "safety", "refusal"),
                    "thumbs": vote and vote["feedback_type"].removeprefix("thumbs_"),
                    "response_date": call["occurred_at"].date(),
                }
            )  # fmt: skip
        return rows

    # sessions and conversations

    def _fct_sessions(self) -> list[Row]:
        interactions_of = grouped(self.world.interactions, lambda row: row["session_id"])
        sessions = []
        for session_id, events in grouped(
            filter(self._counts, self.world.session_events), lambda row: row["session_id"]
        ).items():
            turns = interactions_of.get(session_id, [])
            started_at = min(event["occurred_at"] for event in events)
            last_activity_at = max(event["occurred_at"] for event in events)
            answered = [turn["answered_at"] for turn in turns if turn["answered_at"] is not None]
            ended_at = max([last_activity_at, *answered])
            last = max(
                turns,
                key=lambda turn: (
                    turn["asked_at"], turn["sequence_number"] or 0, turn["interaction_id"].encode()
                ),
                default=None,
            )  # fmt: skip
            n_unpriced = sum(turn["n_unpriced_calls"] > 0 for turn in turns)
            sessions.append(
                {
                    "session_id": session_id,
                    "user_id": events[0]["user_id"],
                    "end_state": last and last["end_state"],
                    "n_queries": len(turns),
                    "n_messages": sum(turn["kind"] == "new" for turn in turns),
                    "n_answered": sum(turn["is_answered"] for turn in turns),
                    "n_conversations": len({turn["conversation_id"] for turn in turns}),
                    "n_refinements": sum(turn["refinement_rule"] is not None for turn in turns),
                    "n_activity_events": len(events),
                    "n_unpriced_interactions": n_unpriced,
                    "cost_usd": None
                    if n_unpriced
                    else sum((turn["cost_usd"] for turn in turns), Decimal(0)),
                    "started_at": started_at,
                    "last_activity_at": last_activity_at,
                    "ended_at": ended_at,
                    "session_date": started_at.date(),
                    "duration_seconds": whole_seconds(started_at, ended_at),
                    "is_closed": self._is_closed(last_activity_at, self.as_of),
                    "is_oversized": ended_at - started_at > self.settings.oversized_session,
                }
            )
        for session in sessions:
            session.update(self._outcome(session))
        for own in grouped(sessions, lambda row: row["user_id"]).values():
            own.sort(key=lambda row: (row["started_at"], row["session_id"]))
            for index, session in enumerate(own):
                previous = own[index - 1] if index else None
                following = own[index + 1] if index + 1 < len(own) else None
                session.update(self._neighbours(session, index + 1, previous, following))
        return sessions

    def _outcome(self, session: Row) -> Row:
        """Completed by a goal event; missed where an exhaustive goal was tracked; else unknown."""
        goals = self.world.inputs.goals
        reached = any(
            self.world.identities.user_of(sent_user(event)) == session["user_id"]
            and session["started_at"]
            <= event["occurred_at"]
            <= session["last_activity_at"] + self.settings.session_gap
            and goals_of(event, goals)
            for event in self.world.product_events
        )
        if reached:
            return {"outcome_basis": "goal", "is_completed": True}
        if session["is_closed"] and any(
            goal.is_exhaustive
            and goal.tracked_from <= session["session_date"]
            and goal.goal in self.reached_goals
            for goal in goals
        ):
            return {"outcome_basis": "exhaustive_goal", "is_completed": False}
        return {"outcome_basis": None, "is_completed": None}

    def _neighbours(
        self, session: Row, number: int, previous: Row | None, following: Row | None
    ) -> Row:
        window = timedelta(days=7)
        is_mature = self.as_of is not None and session["ended_at"] + window <= self.as_of
        comes_back = (
            following is not None
            and session["ended_at"] < following["started_at"] <= session["ended_at"] + window
        )
        return {
            "session_number": number,
            "seconds_since_previous_session": whole_seconds(
                previous["ended_at"] if previous else None, session["started_at"]
            ),
            "seconds_to_next_session": whole_seconds(
                session["ended_at"], following["started_at"] if following else None
            ),
            "is_return_mature": is_mature,
            "is_returned": comes_back if is_mature else None,
        }

    def _fct_conversations(self) -> list[Row]:
        rows = []
        for key, turns in grouped(
            self.fct_interactions, lambda row: row["conversation_id"]
        ).items():
            first = min(turns, key=lambda turn: turn["turn_number"])
            last_asked_at = max(turn["asked_at"] for turn in turns)
            answered = [turn["answered_at"] for turn in turns if turn["answered_at"] is not None]
            n_unpriced = sum(turn["n_unpriced_calls"] > 0 for turn in turns)
            rows.append(
                {
                    "conversation_id": key,
                    "user_id": first["user_id"],
                    "source": first["source"],
                    "n_users": len({turn["user_id"] for turn in turns} - {None}),
                    "n_queries": len(turns),
                    "n_messages": sum(turn["kind"] == "new" for turn in turns),
                    "depth": sum(turn["is_answered"] for turn in turns),
                    "n_refinements": sum(turn["is_refinement"] for turn in turns),
                    "n_unpriced_interactions": n_unpriced,
                    "cost_usd": None if n_unpriced else sum(turn["cost_usd"] for turn in turns),
                    "is_closed": self._is_closed(last_asked_at, self.as_of),
                    "started_at": first["asked_at"],
                    "ended_at": max([last_asked_at, *answered]),
                    "conversation_date": first["asked_at"].date(),
                }
            )
        return rows

    # engagement

    def _user_days(self) -> list[Row]:
        n_sessions = grouped(self.fct_sessions, lambda row: (row["user_id"], row["session_date"]))
        rows = []
        for (user, day), turns in grouped(
            (row for row in self.fct_interactions if row["user_id"] is not None),
            lambda row: (row["user_id"], row["interaction_date"]),
        ).items():
            rows.append(
                {
                    "user_id": user,
                    "activity_date": day,
                    "n_queries": len(turns),
                    "n_messages": sum(turn["kind"] == "new" for turn in turns),
                    "n_answered": sum(turn["is_answered"] for turn in turns),
                    "n_refinements": sum(turn["is_refinement"] for turn in turns),
                    "n_conversations": len({turn["conversation_id"] for turn in turns}),
                    "n_sessions": len(n_sessions.get((user, day), ())),
                    "total_tokens": total(turn["total_tokens"] for turn in turns),
                    "n_unpriced_interactions": sum(turn["n_unpriced_calls"] > 0 for turn in turns),
                    "priced_cost_usd": total(turn["cost_usd"] for turn in turns),
                }
            )
        return rows

    def _engagement_daily(self) -> list[Row]:
        """A row per date from the first event to as_of, days without any event too."""
        world = self.world
        moments = [row["occurred_at"] for rows in (
            world.queries, world.calls, world.feedback, world.product_events,
        ) for row in rows]  # fmt: skip
        if not moments:
            return []
        day, last_day = min(moments).date(), max(moments).date()
        active = grouped(self.user_days, lambda row: row["activity_date"])
        rows = []
        while day <= last_day:
            today = active.get(day, [])
            rows.append(
                {
                    "date_day": day,
                    **{
                        name: len(
                            {
                                row["user_id"]
                                for row in self.user_days
                                if day - timedelta(days=days) < row["activity_date"] <= day
                            }
                        )
                        for name, days in (("dau", 1), ("wau", 7), ("mau", 28))
                    },
                    "n_new_users": sum(
                        not any(
                            other["user_id"] == row["user_id"] and other["activity_date"] < day
                            for other in self.user_days
                        )
                        for row in today
                    ),
                    "n_sessions": sum(row["session_date"] == day for row in self.fct_sessions),
                    "n_conversations": sum(
                        row["conversation_date"] == day and row["user_id"] is not None
                        for row in self.fct_conversations
                    ),
                    **{
                        name: sum(row[name] for row in today)
                        for name in ("n_queries", "n_messages", "n_answered", "n_refinements")
                    },
                    "n_queries_without_user": sum(
                        row["interaction_date"] == day and row["user_id"] is None
                        for row in self.fct_interactions
                    ),
                    "is_complete": self._is_over(day),
                }
            )
            day += timedelta(days=1)
        return rows

    def _abandonment_by_turn(self) -> list[Row]:
        """Closed sessions that reach their k-th query, and that end there without a goal."""
        reaches = [self.world.as_of[stream] for stream in ("queries", "responses")]
        as_of = min((moment for moment in reaches if moment is not None), default=None)
        closed = [
            session
            for session in self.fct_sessions
            if self._is_closed(session["last_activity_at"], as_of)
            and not session["is_oversized"]
            and session["n_queries"] > 0
        ]
        rows = []
        for turn in range(1, max((session["n_queries"] for session in closed), default=0) + 1):
            reached = [session for session in closed if session["n_queries"] >= turn]
            abandoned = [
                session
                for session in reached
                if session["n_queries"] == turn and not session["is_completed"]
            ]
            rows.append(
                {
                    "turn_number": turn,
                    "n_reached": len(reached),
                    "n_abandoned": len(abandoned),
                    **{
                        f"n_abandoned_{state}": sum(
                            session["end_state"] == state for session in abandoned
                        )
                        for state in END_STATES
                    },
                    "abandonment_rate": ratio(len(abandoned), len(reached)),
                }
            )
        return rows

    def _retention_by_cohort(self) -> list[Row]:
        if self.as_of is None:
            return []
        days_of: dict[str, set[date]] = defaultdict(set)
        for row in self.user_days:
            if row["activity_date"] <= self.as_of.date():
                days_of[row["user_id"]].add(row["activity_date"])
        cohorts: dict[date, list[set[date]]] = defaultdict(list)
        for days in days_of.values():
            cohorts[min(days)].append(days)
        rows = []
        for start, users in cohorts.items():
            for number in range(self.settings.max_retention_days + 1):
                day = start + timedelta(days=number)
                is_mature = self._is_over(day)
                retained = sum(day in days for days in users)
                rolling = sum(max(days) >= day for days in users)
                rows.append(
                    {
                        "cohort_date": start,
                        "day_number": number,
                        "n_cohort": len(users),
                        "n_eligible": len(users) if is_mature else 0,
                        "n_retained": retained if is_mature else None,
                        "n_retained_rolling": rolling if is_mature else None,
                        "is_mature": is_mature,
                    }
                )
        return rows

    # performance, satisfaction, cost

    def _model_performance_daily(self) -> list[Row]:
        rows = []
        for (day, provider, model), calls in grouped(
            self.fct_responses, lambda row: (row["response_date"], row["provider"], row["model"])
        ).items():
            attempts = [call for call in calls if call["call_role"] == "answer"]
            answers = [call for call in attempts if call["is_success"]]
            n_failed = len(attempts) - len(answers)
            row = {
                "date_day": day,
                "provider": provider,
                "model": model,
                "n_calls": len(calls),
                "n_attempts": len(attempts),
                "n_failed": n_failed,
                "error_rate": ratio(n_failed, len(attempts)),
                "n_timeouts": sum(call["status"] == "timeout" for call in attempts),
                "n_malformed": sum(call["status"] == "malformed" for call in attempts),
                "n_filtered": sum(call["is_filtered"] for call in attempts),
                "n_truncated": sum(call["is_truncated"] for call in attempts),
                "n_negative_latency": sum(call["is_latency_negative"] for call in calls),
                "n_answers_with_tokens": sum(call["output_tokens"] is not None for call in answers),
                "answer_output_tokens": total(call["output_tokens"] for call in answers),
                "input_tokens": total(call["input_tokens"] for call in calls),
                "output_tokens": total(call["output_tokens"] for call in calls),
            }
            for name, measured, column, percents in (
                ("latency", answers, "latency_ms", (50, 95, 99)),
                ("attempt_latency", attempts, "latency_ms", (50, 95, 99)),
                ("client_latency", answers, "client_latency_ms", (50, 95)),
                ("time_to_first_token", answers, "time_to_first_token_ms", (50, 95)),
            ):
                values = [call[column] for call in measured if call[column] is not None]
                row[f"n_{name}"] = len(values)
                for percent in percents:
                    row[f"{name}_p{percent}_ms"] = nearest_rank(values, percent)
            rows.append(row)
        return rows

    def _reliability_daily(self) -> list[Row]:
        """Queries that were due an answer by as_of, and those that got none in time."""
        reaches = [self.world.as_of[stream] for stream in ("queries", "responses")]
        as_of = min((moment for moment in reaches if moment is not None), default=None)
        answers = grouped(
            (call for call in self.fct_responses if call["is_successful_answer"]),
            lambda call: call["interaction_id"],
        )
        rows = []
        for day, queries in grouped(
            (
                row
                for row in self.fct_interactions
                if as_of is not None and row["answer_due_at"] <= as_of
            ),
            lambda row: row["interaction_date"],
        ).items():
            n_failed = sum(
                not any(
                    call["occurred_at"] <= query["answer_due_at"]
                    for call in answers.get(query["interaction_id"], ())
                )
                for query in queries
            )
            rows.append(
                {
                    "date_day": day,
                    "n_mature_queries": len(queries),
                    "n_failed_queries": n_failed,
                    "user_error_rate": ratio(n_failed, len(queries)),
                }
            )
        return rows

    def _satisfaction_daily(self) -> list[Row]:
        standing = grouped(
            (row for row in self.fct_feedback if row["is_standing"]),
            lambda row: row["response_event_id"],
        )
        rows = []
        for day, answers in grouped(
            (call for call in self.fct_responses if call["is_successful_answer"]),
            lambda call: call["response_date"],
        ).items():
            remarks = {
                call["response_event_id"]: standing.get(call["response_event_id"], [])
                for call in answers
            }
            eligible = [call for call in answers if call["user_id"] is not None]
            votes = {
                call["response_event_id"]: [
                    remark["feedback_type"]
                    for remark in remarks[call["response_event_id"]]
                    if remark["feedback_type"] in ("thumbs_up", "thumbs_down")
                ]
                for call in eligible
            }
            n_up = sum(each.count("thumbs_up") for each in votes.values())
            n_down = sum(each.count("thumbs_down") for each in votes.values())
            stars = [
                remark["feedback_score"]
                for each in remarks.values()
                for remark in each
                if remark["feedback_type"] == "rating" and remark["feedback_score"] is not None
            ]
            rows.append(
                {
                    "date_day": day,
                    "n_answers": len(answers),
                    "n_eligible": len(eligible),
                    "n_rated": sum(bool(each) for each in votes.values()),
                    "n_up": n_up,
                    "n_down": n_down,
                    "n_copied_or_shared": sum(
                        any(remark["feedback_type"] in ("copy", "share") for remark in each)
                        for each in remarks.values()
                    ),
                    "n_ratings": len(stars),
                    "rating_sum": total(stars),
                    "thumbs_ratio": ratio(n_up, n_up + n_down),
                }
            )
        return rows

    def _cost_daily(self) -> list[Row]:
        """Calls under their own date and model; interactions under the model that answered."""
        calls_of = grouped(
            self.fct_responses, lambda row: (row["response_date"], row["provider"], row["model"])
        )
        turns_of = grouped(
            self.fct_interactions,
            lambda row: (row["interaction_date"], row["provider"], row["model"]),
        )
        rows = []
        for key in calls_of.keys() | turns_of.keys():
            calls, turns = calls_of.get(key, []), turns_of.get(key, [])
            priced = [turn["cost_usd"] for turn in turns if turn["cost_usd"] is not None]
            rows.append(
                {
                    **dict(zip(("date_day", "provider", "model"), key, strict=True)),
                    "n_calls": len(calls),
                    "n_unpriced_calls": sum(call["cost_usd"] is None for call in calls),
                    "n_orphan_calls": sum(call["interaction_id"] is None for call in calls),
                    "n_interactions": len(turns),
                    "n_priced_interactions": len(priced),
                    **{
                        name: total(call[name] for call in calls)
                        for name in (
                            *TOKENS, "total_tokens", "cost_usd", "cost_low_usd", "cost_high_usd",
                            "tool_cost_usd", "logged_cost_usd",
                        )
                    },
                    "priced_interaction_cost_usd": total(priced),
                }
            )  # fmt: skip
        return rows


def goals_of(event: Row, goals: Iterable[Goal]) -> set[str]:
    """The goals that a product event reaches: the one it names, else those its name stands for."""
    if event["goal"] is not None:
        return {goal.goal for goal in goals if goal.goal == event["goal"]}
    return {goal.goal for goal in goals if goal.event_name == event["name"]}


def _topic(remark: Row, response: str | None, interaction_id: str | None) -> tuple[object, ...]:
    """What an opinion is about: a later one of the same user on the same topic replaces it."""
    kind = remark["feedback_type"]
    if kind in ("nps", "csat"):
        return (kind, remark["survey_id"] or remark["event_id"])
    if kind in ("thumbs_up", "thumbs_down", "retracted", "rating"):
        scope = remark["conversation_id"] or remark["source_session_id"] or remark["trace_id"]
        named = (("response", response), ("query", interaction_id), ("scope", scope))
        about = next((each for each in named if each[1] is not None), ("id", remark["event_id"]))
        return ("stars", remark["survey_id"], *about) if kind == "rating" else ("thumbs", *about)
    return ("itself", remark["event_id"])


MARTS: dict[str, Sequence[str]] = {
    "fct_interactions": ("interaction_id",),
    "fct_responses": ("response_event_id",),
    "fct_feedback": ("feedback_id",),
    "fct_sessions": ("session_id",),
    "fct_conversations": ("conversation_id",),
    "user_days": ("user_id", "activity_date"),
    "engagement_daily": ("date_day",),
    "abandonment_by_turn": ("turn_number",),
    "retention_by_cohort": ("cohort_date", "day_number"),
    "model_performance_daily": ("date_day", "provider", "model"),
    "reliability_daily": ("date_day",),
    "satisfaction_daily": ("date_day",),
    "cost_daily": ("date_day", "provider", "model"),
}
