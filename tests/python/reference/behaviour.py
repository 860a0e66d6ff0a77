"""Marts with windows and maturity from the facts: flow of queries, lifecycle, goals, value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

from reference.identity import sent_user
from reference.marts import Marts, goals_of, grouped, ratio
from reference.streams import Row, rounded

KEYS: dict[str, Sequence[str]] = {
    "query_flow_daily": ("date_day",),
    "conversation_quality_daily": ("date_day",),
    "lifecycle_daily": ("date_day",),
    "goal_completion_by_cohort": ("goal", "cohort_date"),
    "lifetime_value_by_cohort": ("cohort_date", "day_number"),
    "usage_segments": ("user_id", "period_end_date"),
    "cost_waste_daily": ("date_day", "provider", "model", "reason"),
}
HALF_AN_HOUR, FIVE_MINUTES = timedelta(minutes=30), timedelta(minutes=5)
PERIOD = 28


def behaviour(marts: Marts) -> dict[str, list[Row]]:
    """Each of these marts, by name."""
    return {
        "query_flow_daily": _query_flow_daily(marts),
        "conversation_quality_daily": _conversation_quality_daily(marts),
        "lifecycle_daily": _lifecycle_daily(marts),
        "goal_completion_by_cohort": _goal_completion_by_cohort(marts),
        "lifetime_value_by_cohort": _lifetime_value_by_cohort(marts),
        "usage_segments": _usage_segments(marts),
        "cost_waste_daily": _cost_waste_daily(marts),
    }


def _as_of(marts: Marts, *streams: str) -> datetime | None:
    reaches = (marts.world.as_of[stream] for stream in streams)
    return min((moment for moment in reaches if moment is not None), default=None)


def _is_over(marts: Marts, day: date) -> bool:
    """Has the midnight that ends the day come by as_of of the queries?"""
    as_of = marts.as_of
    return as_of is not None and datetime.combine(day + timedelta(days=1), time()) <= as_of


def _next_of(marts: Marts) -> dict[str, Row]:
    """The next query of the conversation, by the id of a query."""
    following = {}
    for turns in grouped(marts.fct_interactions, lambda row: row["conversation_id"]).values():
        turns.sort(key=lambda row: row["turn_number"])
        following.update({one["interaction_id"]: other for one, other in pairwise(turns)})
    return following


def _query_flow_daily(marts: Marts) -> list[Row]:
    closed = {row["conversation_id"] for row in marts.fct_conversations if row["is_closed"]}
    following = _next_of(marts)
    before: dict[str, Row] = {}
    for user, turns in grouped(marts.fct_interactions, lambda row: row["user_id"]).items():
        if user is not None:
            turns.sort(
                key=lambda row: (
                    row["asked_at"], row["sequence_number"] or 0, row["interaction_id"].encode()
                )
            )  # fmt: skip
            before.update({other["interaction_id"]: one for one, other in pairwise(turns)})
    rows = []
    for day, turns in grouped(marts.fct_interactions, lambda row: row["interaction_date"]).items():
        answered = [turn for turn in turns if turn["is_answered"]]
        followable = [turn for turn in answered if turn["conversation_id"] in closed]
        followers = [
            following[turn["interaction_id"]]
            for turn in followable
            if turn["interaction_id"] in following
            and following[turn["interaction_id"]]["asked_at"] <= turn["answered_at"] + HALF_AN_HOUR
        ]
        steps = [
            (before[turn["interaction_id"]], turn)
            for turn in turns
            if turn["interaction_id"] in before
            and turn["asked_at"] <= before[turn["interaction_id"]]["asked_at"] + HALF_AN_HOUR
        ]
        n_same = sum(one["conversation_id"] == other["conversation_id"] for one, other in steps)
        refined = [turn["refinement_rule"] for turn in turns if turn["is_refinement"]]
        rows.append(
            {
                "date_day": day,
                "n_queries": len(turns),
                "n_answered": len(answered),
                "n_refinements": len(refined),
                "n_refinements_by_similarity": refined.count("similarity"),
                "refinement_rate": ratio(len(refined), len(answered)),
                "n_followable": len(followable),
                "n_followed": len(followers),
                "n_followed_up": sum(not turn["is_refinement"] for turn in followers),
                "follow_up_rate": ratio(len(followers), len(followable)),
                "n_next_queries": len(steps),
                "n_in_context": n_same,
                "context_retention": ratio(n_same, len(steps)),
            }
        )
    return rows


def _conversation_quality_daily(marts: Marts) -> list[Row]:
    starts = grouped(marts.fct_conversations, lambda row: row["user_id"])
    rows = []
    for day, conversations in grouped(
        marts.fct_conversations, lambda row: row["conversation_date"]
    ).items():
        closed = [row for row in conversations if row["is_closed"]]
        mature = [
            row
            for row in closed
            if row["user_id"] is not None
            and marts.as_of is not None
            and row["ended_at"] + FIVE_MINUTES <= marts.as_of
        ]
        n_restarted = sum(
            any(
                timedelta(0) < other["started_at"] - row["ended_at"] <= FIVE_MINUTES
                for other in starts[row["user_id"]]
            )
            for row in mature
        )
        rows.append(
            {
                "date_day": day,
                "n_conversations": len(conversations),
                "n_closed": len(closed),
                "depth": sum(row["depth"] for row in closed) if closed else None,
                "n_restart_mature": len(mature),
                "n_restarted": n_restarted,
                "restart_rate": ratio(n_restarted, len(mature)),
            }
        )
    return rows


def _active(marts: Marts, last: date) -> set[str]:
    """Who asked in the 28 dates that end on this one."""
    return {
        row["user_id"]
        for row in marts.user_days
        if last - timedelta(days=PERIOD) < row["activity_date"] <= last
    }


def _lifecycle_daily(marts: Marts) -> list[Row]:
    first = {
        user: min(row["activity_date"] for row in days)
        for user, days in grouped(marts.user_days, lambda row: row["user_id"]).items()
    }
    rows = []
    for engagement in marts.engagement_daily:
        day = engagement["date_day"]
        later = day + timedelta(days=PERIOD)
        active = _active(marts, day)
        new = {user for user in active if first[user] > day - timedelta(days=PERIOD)}
        retained = active & _active(marts, day - timedelta(days=PERIOD))
        is_mature = _is_over(marts, later)
        n_churned = len(active - _active(marts, later))
        rows.append(
            {
                "date_day": day,
                "n_active": len(active),
                "n_new": len(new),
                "n_retained": len(retained),
                "n_resurrected": len(active - new - retained),
                "n_churned": n_churned if is_mature else None,
                "churn_rate": ratio(n_churned, len(active)) if is_mature else None,
                "is_mature": is_mature,
            }
        )
    return rows


def _goal_completion_by_cohort(marts: Marts) -> list[Row]:
    """The goals of the tests have windows of seven days."""
    window, as_of = timedelta(days=7), _as_of(marts, "queries", "product_events")
    goals = marts.world.inputs.goals
    started: dict[str, datetime] = {}
    for turn in marts.fct_interactions:
        user = turn["user_id"]
        if user is not None:
            started[user] = min(turn["asked_at"], started.get(user, turn["asked_at"]))
    reached = [
        (marts.world.identities.user_of(sent_user(event)), goal, event["occurred_at"])
        for event in marts.world.product_events
        for goal in goals_of(event, goals)
    ]
    rows = []
    for goal in {each.goal for each in goals}:
        for day, users in grouped(
            [{"user": user} for user in started], lambda row: started[row["user"]].date()
        ).items():
            mature = {
                row["user"]
                for row in users
                if as_of is not None and started[row["user"]] + window <= as_of
            }
            completed = {
                user
                for user, name, moment in reached
                if user is not None
                and user in mature
                and name == goal
                and timedelta(0) <= moment - started[user] <= window
            }
            rows.append(
                {
                    "goal": goal,
                    "cohort_date": day,
                    "window_days": 7,
                    "n_users": len(users),
                    "n_mature": len(mature),
                    "n_completed": len(completed),
                    "completion_rate": ratio(len(completed), len(mature)),
                    "is_mature": len(mature) == len(users),
                }
            )
    return rows


def _lifetime_value_by_cohort(marts: Marts) -> list[Row]:
    """Values day by day; each projection by itself, from what was known on its date."""
    cohort_of: dict[str, date] = {}
    for row in marts.user_days:
        first = cohort_of.get(row["user_id"], row["activity_date"])
        cohort_of[row["user_id"]] = min(first, row["activity_date"])
    amounts = [
        (marts.world.identities.user_of(sent_user(event)), event["occurred_at"].date(),
         event["amount"] or 0, Decimal(0), 0)
        for event in marts.world.product_events
    ] + [
        (call["user_id"], call["response_date"], 0, call["cost_usd"] or 0,
         int(call["cost_usd"] is None))
        for call in marts.fct_responses
    ]  # fmt: skip
    by_day = grouped(
        (
            {"revenue": revenue, "cost": cost, "n_unpriced": n_unpriced,
             "key": (cohort_of[user], max((day - cohort_of[user]).days, 0))}
            for user, day, revenue, cost, n_unpriced in amounts
            if user in cohort_of and user not in marts.excluded
        ),
        lambda row: row["key"],
    )  # fmt: skip
    sizes = {row["cohort_date"]: row["n_cohort"] for row in marts.retention_by_cohort}

    def sum_of(name: str, cohort: date, days: range) -> Decimal:
        rows = (row for number in days for row in by_day.get((cohort, number), ()))
        return Decimal(sum(row[name] for row in rows))

    def net_of(cohorts: Sequence[date], days: range) -> Decimal:
        nets = (sum_of("revenue", each, days) - sum_of("cost", each, days) for each in cohorts)
        return sum(nets, Decimal(0))

    def value(cohort: date, days: range) -> float | None:
        return ratio(net_of([cohort], days), sizes[cohort])

    @cache
    def brought(number: int, today: date) -> int | None:
        """Nanodollars that a day of life brought per user of the cohorts that had lived it."""
        older = [each for each in sizes if each + timedelta(days=number) <= today]
        net = rounded(net_of(older, range(number, number + 1)), 9).scaleb(9)
        return int(net / sum(sizes[each] for each in older)) if older else None

    def projection(cohort: date, known_day: int, day_number: int) -> float | None:
        today = cohort + timedelta(days=known_day)
        further = [brought(number, today) for number in range(known_day + 1, day_number + 1)]
        if None in further:
            return None
        return (value(cohort, range(known_day + 1)) or 0) + sum(filter(None, further)) / 1e9

    as_of = _as_of(marts, "queries", "responses", "product_events")
    rows = []
    for cell in marts.retention_by_cohort:
        cohort, number = cell["cohort_date"], cell["day_number"]
        known_days = (as_of - datetime.combine(cohort, time())).days - 1 if as_of else -1
        is_mature = number <= known_days
        known_day = number // 2 if is_mature else known_days
        projected = projection(cohort, known_day, number) if 0 <= known_day < number else None
        so_far = range(number + 1)
        rows.append(
            {
                "cohort_date": cohort,
                "day_number": number,
                "n_cohort": cell["n_cohort"],
                "revenue_usd": sum_of("revenue", cohort, so_far) if is_mature else None,
                "cost_usd": sum_of("cost", cohort, so_far) if is_mature else None,
                "n_unpriced_calls": sum_of("n_unpriced", cohort, so_far) if is_mature else None,
                "lifetime_value_usd": value(cohort, so_far) if is_mature else None,
                "projected_from_day": known_day if projected is not None else None,
                "projected_lifetime_value_usd": projected,
                "is_mature": is_mature,
            }
        )
    return rows


def _usage_segments(marts: Marts) -> list[Row]:
    complete = [row["date_day"] for row in marts.engagement_daily if row["is_complete"]]
    rows: list[Row] = []
    if not complete:
        return rows
    for user, days in grouped(marts.user_days, lambda row: row["user_id"]).items():
        last, is_mature = max(complete), False
        while last >= min(row["activity_date"] for row in days):
            period = [
                row for row in days if last - timedelta(days=PERIOD) < row["activity_date"] <= last
            ]
            n_next = sum(
                last < row["activity_date"] <= last + timedelta(days=PERIOD) for row in days
            )
            n_days = len(period)
            if period:
                rows.append(
                    {
                        "user_id": user,
                        "period_end_date": last,
                        "segment": "power"
                        if n_days > 11
                        else "regular"
                        if n_days > 3
                        else "occasional",
                        "n_active_days": n_days,
                        "n_queries": sum(row["n_queries"] for row in period),
                        "n_active_days_next": n_next if is_mature else None,
                        "is_mature": is_mature,
                        "is_retained": n_next > 0 if is_mature else None,
                    }
                )
            last, is_mature = last - timedelta(days=PERIOD), True
    return rows


def _cost_waste_daily(marts: Marts) -> list[Row]:
    turns = {turn["interaction_id"]: turn for turn in marts.fct_interactions}
    following = _next_of(marts)

    def reason(call: Row) -> str:
        turn = turns.get(call["interaction_id"], {})
        following_rule = following.get(call["interaction_id"], {}).get("refinement_rule")
        answer = turn.get("answer_id")
        checks = {
            "failed": not call["is_success"],
            "filtered": call["is_filtered"],
            "truncated": call["is_truncated"],
            "superseded": call["call_role"] == "answer"
            and answer not in (None, call["response_event_id"]),
            "regenerated": following_rule == "kind",
            "disliked": turn.get("thumbs") == "down",
        }
        return next((name for name, holds in checks.items() if holds), "useful")

    rows = []
    for (day, provider, model, why), calls in grouped(
        marts.fct_responses,
        lambda call: (call["response_date"], call["provider"], call["model"], reason(call)),
    ).items():
        priced = [call["cost_usd"] for call in calls if call["cost_usd"] is not None]
        rows.append(
            {
                "date_day": day,
                "provider": provider,
                "model": model,
                "reason": why,
                "n_calls": len(calls),
                "n_priced_calls": len(priced),
                "cost_usd": sum(priced) if priced else None,
            }
        )
    return rows
