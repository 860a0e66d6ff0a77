"""Sign-ups, onboarding, features, goals, purchases and refunds."""

from __future__ import annotations

import numpy as np

from .conversations import ERROR, NEGATIVE, NORMAL, SLOW, UNANSWERED
from .incidents import DAY_MS
from .parameters import Parameters
from .population import SIGN_UP_MS, Window
from .randomness import Bools, Columns, Integers, Randomness, stack

#: After the last answer of a session, in this order: goals, surveys, purchase, late sign-up.
GOAL_MS, EXPERIMENT_GOAL_MS, PURCHASE_MS, LATE_SIGN_UP_MS = 20_000, 22_000, 40_000, 50_000

NAMES = ("signed_up", "feature_used", "goal_reached", "purchase", "refund")


def event_names(parameters: Parameters) -> tuple[str, ...]:
    """Every `name` that occurs; the column `name` holds positions in it."""
    return NAMES + tuple(name for name, _ in parameters.activation_steps)


def goal_names(parameters: Parameters) -> tuple[str, ...]:
    """Every `goal` that occurs: of sessions first, then those of the experiments."""
    return (parameters.goal, *(experiment.goal or "" for experiment in parameters.experiments))


def reach_goals(parameters: Parameters, randomness: Randomness, sessions: Columns) -> Bools:
    """Which sessions reach their goal, by how their last interaction ended."""
    rates = np.zeros(5)
    rates[NORMAL], rates[SLOW] = parameters.goal_after_normal, parameters.goal_after_slow
    rates[NEGATIVE] = parameters.goal_after_negative
    rates[ERROR] = rates[UNANSWERED] = parameters.goal_after_failure
    drawn = randomness.stream("goals").random(len(sessions["user"]))
    return drawn < rates[sessions["end_state"]]


def first_payments(
    parameters: Parameters, randomness: Randomness, users: Columns, sessions: Columns
) -> Integers:
    """Session at whose end each user buys the plan, or -1: geometric in sessions."""
    hazard = np.array([kind.purchase_hazard for kind in parameters.user_types])[users["type"]]
    rng = randomness.stream("purchases")
    n_users = len(hazard)
    wait = np.where(hazard > 0, rng.geometric(np.maximum(hazard, 1e-12)), 0)
    result = np.full(n_users, -1, dtype=np.int64)
    buys = np.nonzero(sessions["number"] + 1 == wait[sessions["user"]])[0]
    result[sessions["user"][buys]] = buys
    return result


def simulate_product_events(
    parameters: Parameters,
    randomness: Randomness,
    users: Columns,
    sessions: Columns,
    interactions: Columns,
    experiment_goals: Columns,
    window: Window,
) -> tuple[Columns, Columns]:
    """Product events, and the changes of plan (user, timestamp, is_pro) that come with them."""
    first = np.nonzero(sessions["number"] == 0)[0]
    rng = randomness.stream("onboarding")
    signed_up_at = np.where(
        sessions["is_anonymous"][first],
        sessions["last_answer_at"][first] + LATE_SIGN_UP_MS,
        sessions["started_at"][first],
    )
    parts = [_events(sessions, first, signed_up_at, "signed_up", parameters)]
    for number, (name, rate) in enumerate(parameters.activation_steps):
        done = rng.random(len(first)) < rate
        at = signed_up_at[done] + (number + 1) * SIGN_UP_MS // 4
        parts.append(_events(sessions, first[done], at, name, parameters))

    opens = np.nonzero(
        (interactions["conversation_turn"] == 1)
        & np.array([feature.is_advanced for feature in parameters.features])[
            interactions["feature"]
        ]
    )[0]
    used = _events(
        sessions,
        interactions["session"][opens],
        interactions["asked_at"][opens] - 500,
        "feature_used",
        parameters,
    )
    used["feature"] = interactions["feature"][opens]
    parts.append(used)

    reached = np.nonzero(sessions["is_goal_reached"])[0]
    goals = _events(
        sessions, reached, sessions["last_answer_at"][reached] + GOAL_MS, "goal_reached", parameters
    )
    goals["goal"] = np.zeros(len(reached), dtype=np.int64)
    parts.append(goals)
    session = experiment_goals["session"]
    planted = _events(
        sessions,
        session,
        sessions["last_answer_at"][session] + EXPERIMENT_GOAL_MS + experiment_goals["experiment"],
        "goal_reached",
        parameters,
    )
    planted["goal"] = experiment_goals["experiment"] + 1
    parts.append(planted)

    payments, plans = _payments(parameters, randomness, users, sessions, window)
    return stack([*parts, payments]), plans


def _payments(
    parameters: Parameters,
    randomness: Randomness,
    users: Columns,
    sessions: Columns,
    window: Window,
) -> tuple[Columns, Columns]:
    """First purchases, renewals while the user lives, refunds; a refund ends the plan."""
    rng = randomness.stream("payments")
    bought_in = first_payments(parameters, randomness, users, sessions)
    buyer = np.nonzero(bought_in >= 0)[0]
    session = bought_in[buyer]
    bought_at = sessions["last_answer_at"][session] + PURCHASE_MS
    is_refunded = rng.random(len(buyer)) < parameters.refund_rate
    refunded_at = bought_at + rng.integers(DAY_MS, 7 * DAY_MS, len(buyer))
    is_refunded &= refunded_at < window.end_ms
    life_end = window.start_ms + (users["sign_up_day"] + users["life_days"] + 1)[buyer] * DAY_MS
    last = np.minimum(np.where(is_refunded, bought_at, life_end), window.end_ms)
    step = parameters.renewal_days * DAY_MS
    n_renewals = np.maximum((last - 1 - bought_at) // step, 0)
    row = np.repeat(np.arange(len(buyer)), n_renewals)
    number = np.arange(len(row)) - np.repeat(np.cumsum(n_renewals) - n_renewals, n_renewals) + 1

    def money(rows: Integers, at: Integers, name: str, amount: float, by_user: bool) -> Columns:
        events = _events(sessions, session[rows], at, name, parameters)
        events["amount"] = np.full(len(rows), amount)
        events["is_user_action"] = np.full(len(rows), int(by_user), dtype=np.int64)
        return events

    everyone, back = np.arange(len(buyer)), np.nonzero(is_refunded)[0]
    events = stack(
        [
            money(everyone, bought_at, "purchase", parameters.plan_price, True),
            money(row, bought_at[row] + number * step, "purchase", parameters.plan_price, False),
            money(back, refunded_at[back], "refund", -parameters.plan_price, False),
        ]
    )
    plans: Columns = {
        "user": np.concatenate([buyer, buyer[back]]),
        "timestamp": np.concatenate([bought_at + 1_000, refunded_at[back] + 1_000]),
        "is_pro": np.concatenate(
            [np.ones(len(buyer), dtype=np.int64), np.zeros(len(back), dtype=np.int64)]
        ),
    }
    return events, plans


def _events(
    sessions: Columns, rows: Integers, at: Integers, name: str, parameters: Parameters
) -> Columns:
    n = len(rows)
    absent = np.full(n, -1, dtype=np.int64)
    return {
        "session": np.asarray(rows, dtype=np.int64),
        "user": sessions["user"][rows],
        "timestamp": np.asarray(at, dtype=np.int64),
        "name": np.full(n, event_names(parameters).index(name), dtype=np.int64),
        "goal": absent,
        "feature": absent,
        "amount": np.zeros(n),
        "is_user_action": np.ones(n, dtype=np.int64),
    }
