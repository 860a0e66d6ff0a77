"""Who the users are, on which days they are active, and when their sessions start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .incidents import DAY_MS, HOUR_MS, Effects
from .parameters import Parameters
from .randomness import Bools, Columns, Integers, Randomness, choose

#: Hours of a day at which sessions may start, with their weights. A session lasts at most
#: 1.7 hours and starts within the first 1.2 hours of its slot, so that two are never closer
#: than half an hour; the last one starts late in the evening and runs over midnight.
SLOT_HOURS = (6.0, 9.5, 13.0, 16.5, 20.0)
SLOT_WEIGHTS = (0.7, 1.2, 1.2, 1.0, 0.8)
SLOT_START_HOURS = 1.2
MIDNIGHT_HOUR = 23.65

#: First query of a first session: the sign-up and the steps of the tour come before it.
SIGN_UP_MS = 30_000


@dataclass(frozen=True)
class Window:
    """The simulated days: `days` UTC dates from `start_ms` on, up to `end_ms` (exclusive)."""

    start_ms: int
    days: int

    @property
    def end_ms(self) -> int:
        """Midnight that ends the last day, epoch milliseconds."""
        return self.start_ms + self.days * DAY_MS

    def moment(self, share: float) -> int:
        """Midnight that starts the day at a share of the window, epoch milliseconds."""
        return self.start_ms + int(self.days * share) * DAY_MS


def simulate_users(
    parameters: Parameters, randomness: Randomness, n_users: int, window: Window
) -> Columns:
    """One row per user: type, day of sign-up, days of life after it, and attributes."""
    rng = randomness.stream("users")
    types = choose(rng, [kind.share for kind in parameters.user_types], n_users)
    churn = np.array([kind.daily_churn for kind in parameters.user_types])[types]
    waves = choose(rng, [wave[0] for wave in parameters.sign_up_waves], n_users)
    first = np.array([wave[1] for wave in parameters.sign_up_waves])[waves]
    last = np.array([wave[2] for wave in parameters.sign_up_waves])[waves]
    share = first + (last - first) * rng.random(n_users)
    sign_up_day = np.minimum((share * window.days).astype(np.int64), window.days - 1)
    n_accounts = max(int(n_users * parameters.account_rate) // parameters.users_per_account, 1)
    has_account = rng.random(n_users) < parameters.account_rate
    account = np.where(has_account, rng.integers(0, n_accounts, n_users) + 1, 0)
    numbers = np.arange(n_users)
    is_plain = rng.random(n_users) < parameters.plain_tracker_rate
    return {
        "type": types,
        "sign_up_day": sign_up_day,
        "life_days": rng.geometric(churn) - 1,
        "country": choose(rng, [weight for _, weight in parameters.countries], n_users),
        "platform": choose(rng, [weight for _, weight in parameters.platforms], n_users),
        "account_id": np.where(
            has_account, randomness.ids("account", account), np.uint64(0)
        ).astype(np.uint64),
        "user_id": randomness.ids("user", numbers),
        "anonymous_id": randomness.ids("anonymous", numbers),
        "is_plain": is_plain,
        "is_anonymous": ~is_plain & (rng.random(n_users) < parameters.anonymous_rate),
    }


def active_days(
    parameters: Parameters, randomness: Randomness, users: Columns, window: Window
) -> tuple[Integers, Integers]:
    """Pairs (user, day) with activity, ordered; days count from the start of the window."""
    rng = randomness.stream("activity")
    rates = np.array([kind.active_day_rate for kind in parameters.user_types])[users["type"]]
    days = np.arange(window.days)
    found_users, found_days = [], []
    chunk = 50_000
    for start in range(0, len(rates), chunk):
        part = slice(start, start + chunk)
        age = days[None, :] - users["sign_up_day"][part][:, None]
        is_alive = (age > 0) & (age <= users["life_days"][part][:, None])
        drawn = rng.random(age.shape) < rates[part][:, None]
        user, day = np.nonzero((age == 0) | (is_alive & drawn))
        found_users.append(user + start)
        found_days.append(day)
    return (
        np.concatenate(found_users).astype(np.int64),
        np.concatenate(found_days).astype(np.int64),
    )


def simulate_sessions(
    parameters: Parameters,
    randomness: Randomness,
    users: Columns,
    window: Window,
    effects: Effects,
) -> Columns:
    """One row per session, ordered by user and start; at least one on each active day."""
    rng = randomness.stream("sessions")
    user, day = active_days(parameters, randomness, users, window)
    extra = np.array([kind.extra_sessions for kind in parameters.user_types])[users["type"][user]]
    noon = window.start_ms + day * DAY_MS + 12 * HOUR_MS
    n_sessions = 1 + np.minimum(rng.poisson(extra), 3)
    n_sessions += effects.value(noon, "added_sessions", 0).astype(np.int64)
    n_slots = len(SLOT_HOURS)
    # The n slots with the smallest keys are a weighted draw without replacement.
    keys = rng.exponential(size=(len(user), n_slots)) / np.array(SLOT_WEIGHTS)
    rank = np.argsort(np.argsort(keys, axis=1), axis=1)
    row, slot = np.nonzero(rank < n_sessions[:, None])
    into_slot = rng.random(len(row)) * SLOT_START_HOURS
    hours = np.array(SLOT_HOURS)[slot] + into_slot

    # A session over midnight makes its user active on the next day, who must be so anyway.
    is_active_tomorrow = np.zeros(len(user), dtype=np.bool_)
    is_active_tomorrow[:-1] = (user[1:] == user[:-1]) & (day[1:] == day[:-1] + 1)
    late = np.nonzero(is_active_tomorrow & (rng.random(len(user)) < parameters.midnight_rate))[0]
    row = np.concatenate([row, late])
    hours = np.concatenate([hours, MIDNIGHT_HOUR + rng.random(len(late)) * 0.2])

    start = window.start_ms + day[row] * DAY_MS + (hours * HOUR_MS).astype(np.int64)
    order = np.lexsort((start, user[row]))
    user, start = user[row][order], start[order]
    number = rank_in_group(user)
    return {
        "user": user,
        "started_at": start,
        "number": number,
        "session_id": randomness.ids("session", np.arange(len(user))),
        "is_plain": users["is_plain"][user],
        # Until the end of the first session such a user is known by the anonymous id alone.
        "is_anonymous": users["is_anonymous"][user] & (number == 0),
    }


def rank_in_group(keys: Integers) -> Integers:
    """Position (from 0) of each row within its run of equal keys; keys are in order."""
    numbers = np.arange(len(keys), dtype=np.int64)
    is_first = starts_group(keys)
    result: Integers = numbers - numbers[is_first][np.cumsum(is_first) - 1]
    return result


def starts_group(keys: Integers) -> Bools:
    """Which rows start a run of equal keys."""
    is_first = np.ones(len(keys), dtype=np.bool_)
    is_first[1:] = keys[1:] != keys[:-1]
    return is_first
