"""What was known on a date, from marts: nothing here may read what came after it.

Facts that later events change are not used: not which vote stands, not how an interaction ended,
and of answers only those given before the last day began to end, in any time zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from llm_analytics.marts import read_rows
from llm_analytics.warehouse import Warehouse

#: Days without a query after which a user has left, and days of history that are looked at.
WINDOW_DAYS = 28

Features = dict[str, float | str]


@dataclass(frozen=True)
class Example:
    """Something to predict: whom it is about, what was known, what came (None: not known yet)."""

    unit: str
    user_id: str
    features: Features
    outcome: bool | None


def last_complete_date(warehouse: Warehouse) -> date | None:
    """The last reporting date that is over; None without any."""
    rows = read_rows(
        "select max(date_day) as last_date from marts.dim_dates where is_complete",
        "marts.dim_dates",
        warehouse=warehouse,
    )
    found = rows[0]["last_date"]
    return found if isinstance(found, date) else None


def _day(day: date, offset: int = 0) -> str:
    return f"date '{day + timedelta(days=offset)}'"


def _log(value: Any) -> float:
    """Counts and durations grow by factors; None is none."""
    return math.log1p(max(float(value or 0), 0.0))


def churn_examples(warehouse: Warehouse, day: date, *, with_outcome: bool) -> list[Example]:
    """Users active in the 28 days that end with `day`.

    The outcome is that none of the 28 days after it has a query of theirs.
    """
    rows = read_rows(
        f"""
        with days as (
            select
                user_id,
                min(activity_date) as first_date,
                max(activity_date) as last_date,
                count(case when activity_date > {_day(day, -7)} then 1 end) as n_days_7,
                count(case when activity_date > {_day(day, -28)} then 1 end) as n_days_28,
                count(*) as n_days,
                sum(case when activity_date > {_day(day, -7)} then n_queries else 0 end)
                    as n_queries_7,
                sum(case when activity_date > {_day(day, -28)} then n_queries else 0 end)
                    as n_queries_28
            from marts.user_days
            where activity_date <= {_day(day)}
            group by user_id
        ),
        answers as (
            select
                user_id,
                count(*) as n_asked,
                count(case when cast(answered_at as date) < {_day(day)} then 1 end) as n_answered,
                avg(case when cast(answered_at as date) < {_day(day)} then latency_ms end)
                    as mean_latency_ms
            from marts.fct_interactions
            where interaction_date > {_day(day, -28)} and interaction_date < {_day(day)}
            group by user_id
        ),
        votes as (
            select
                user_id,
                count(case when feedback_type = 'thumbs_up' then 1 end) as n_up,
                count(case when feedback_type = 'thumbs_down' then 1 end) as n_down,
                count(case when feedback_type in ('copy', 'share') then 1 end) as n_used
            from marts.fct_feedback
            where feedback_date > {_day(day, -28)} and feedback_date <= {_day(day)}
            group by user_id
        )
        select days.*, answers.n_asked, answers.n_answered, answers.mean_latency_ms,
            votes.n_up, votes.n_down, votes.n_used
        from days
        left join answers on days.user_id = answers.user_id
        left join votes on days.user_id = votes.user_id
        where days.last_date > {_day(day, -28)}
        order by days.user_id
        """,
        "marts.user_days",
        warehouse=warehouse,
    )
    stayed: set[str] = set()
    if with_outcome:
        later = read_rows(
            "select distinct user_id from marts.user_days"
            f" where activity_date > {_day(day)} and activity_date <= {_day(day, WINDOW_DAYS)}",
            "marts.user_days",
            warehouse=warehouse,
        )
        stayed = {row["user_id"] for row in later}
    return [
        Example(
            row["user_id"], row["user_id"], _churn_features(row, day),
            row["user_id"] not in stayed if with_outcome else None,
        )
        for row in rows
    ]  # fmt: skip


def _churn_features(row: Mapping[str, Any], day: date) -> Features:
    tenure = (day - row["first_date"]).days
    return {
        "days_since_last": _log((day - row["last_date"]).days),
        "tenure_days": _log(tenure),
        "is_new": float(tenure < WINDOW_DAYS),
        "is_one_day": float(row["n_days"] == 1),
        "n_days_7": float(row["n_days_7"]),
        "n_days_28": _log(row["n_days_28"]),
        "days_of_tenure": float(row["n_days"]) / (tenure + 1),
        "n_queries_7": _log(row["n_queries_7"]),
        "n_queries_28": _log(row["n_queries_28"]),
        "share_unanswered": 1 - float(row["n_answered"]) / row["n_asked"]
        if row["n_asked"]
        else 0.0,
        "mean_latency": _log(row["mean_latency_ms"]),
        "n_up": _log(row["n_up"]),
        "n_down": _log(row["n_down"]),
        "n_used": _log(row["n_used"]),
    }


def satisfaction_examples(
    warehouse: Warehouse, first: date, last: date, known_on: date
) -> list[Example]:
    """Answers of queries asked from `first` to `last` that had a thumb by `known_on`: up or down.

    The outcome is the last thumb by then; one that was taken back is none. Features are of the
    answer and of the user's thumbs on days before the query's.
    """
    rows = read_rows(
        f"""
        with votes as (
            select
                interaction_id,
                user_id,
                feedback_date,
                feedback_type,
                row_number() over (
                    partition by interaction_id order by occurred_at desc, feedback_id desc
                ) as recency
            from marts.fct_feedback
            where
                feedback_type in ('thumbs_up', 'thumbs_down', 'retracted')
                and feedback_date <= {_day(known_on)}
                and interaction_id is not null
        )
        select
            interactions.interaction_id, interactions.user_id, interactions.interaction_date,
            interactions.model, interactions.feature, interactions.platform, interactions.kind,
            interactions.turn_number, interactions.is_refinement, interactions.latency_ms,
            interactions.response_length, interactions.query_length, interactions.n_attempts,
            votes.feedback_type,
            count(past.interaction_id) as n_past,
            count(case when past.feedback_type = 'thumbs_up' then 1 end) as n_past_up
        from marts.fct_interactions as interactions
        inner join votes
            on
                interactions.interaction_id = votes.interaction_id
                and votes.recency = 1
                and votes.feedback_type <> 'retracted'
        left join votes as past
            on
                interactions.user_id = past.user_id
                and past.feedback_date < interactions.interaction_date
        where
            interactions.interaction_date >= {_day(first)}
            and interactions.interaction_date <= {_day(last)}
            and interactions.user_id is not null
        group by
            interactions.interaction_id, interactions.user_id, interactions.interaction_date,
            interactions.model, interactions.feature, interactions.platform, interactions.kind,
            interactions.turn_number, interactions.is_refinement, interactions.latency_ms,
            interactions.response_length, interactions.query_length, interactions.n_attempts,
            votes.feedback_type
        order by interactions.interaction_id
        """,
        "marts.fct_feedback",
        warehouse=warehouse,
    )
    return [
        Example(
            row["interaction_id"], row["user_id"], _answer_features(row),
            row["feedback_type"] == "thumbs_up",
        )
        for row in rows
    ]  # fmt: skip


def _answer_features(row: Mapping[str, Any]) -> Features:
    names = ("model", "feature", "platform", "kind")
    return {
        **{name: str(row[name] or "unknown") for name in names},
        "turn_number": _log(row["turn_number"]),
        "is_refinement": float(bool(row["is_refinement"])),
        "latency": _log(row["latency_ms"]),
        "response_length": _log(row["response_length"]),
        "query_length": _log(row["query_length"]),
        "is_retried": float((row["n_attempts"] or 0) > 1),
        # The share of thumbs up so far, drawn to one half where there are few.
        "past_up": (float(row["n_past_up"]) + 1) / (row["n_past"] + 2),
        "n_past": _log(row["n_past"]),
    }


def outcomes(examples: Iterable[Example]) -> list[bool]:
    """What came of examples of which it is known."""
    return [bool(one.outcome) for one in examples]
