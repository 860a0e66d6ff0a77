"""What is known about users: traits, aliases of devices, and consents."""

from __future__ import annotations

import numpy as np

from .parameters import Parameters
from .population import Window
from .product_events import LATE_SIGN_UP_MS
from .randomness import Columns, Integers, Randomness

TRAITS = ("signed_up", "country", "plan", "is_internal", "is_bot")
CONSENTS = ("opt_in", "opt_out", "erasure")


def signed_up_at(users: Columns, sessions: Columns) -> Integers:
    """Moment of sign-up of each user, epoch milliseconds."""
    first = np.nonzero(sessions["number"] == 0)[0]
    result = np.zeros(len(users["type"]), dtype=np.int64)
    result[sessions["user"][first]] = np.where(
        sessions["is_anonymous"][first],
        sessions["last_answer_at"][first] + LATE_SIGN_UP_MS,
        sessions["started_at"][first],
    )
    return result


def simulate_traits(
    parameters: Parameters, users: Columns, plans: Columns, sign_up: Integers
) -> Columns:
    """One row per trait set: user, trait, timestamp, and what the value is made from."""
    everyone = np.arange(len(users["type"]))
    kinds = [kind.excluded_by for kind in parameters.user_types]
    parts: list[tuple[str, Integers, Integers, Integers]] = [
        ("signed_up", everyone, sign_up, sign_up),
        ("country", everyone, sign_up, users["country"]),
        ("plan", everyone, sign_up, np.zeros(len(everyone), dtype=np.int64)),
        ("plan", plans["user"], plans["timestamp"], plans["is_pro"]),
    ]
    for trait in ("is_internal", "is_bot"):
        is_so = np.array([kind == trait for kind in kinds])[users["type"]]
        rows = everyone[is_so]
        parts.append((trait, rows, sign_up[rows], np.ones(len(rows), dtype=np.int64)))
    return {
        "user": np.concatenate([part[1] for part in parts]),
        "trait": np.concatenate(
            [np.full(len(part[1]), TRAITS.index(part[0]), dtype=np.int64) for part in parts]
        ),
        "timestamp": np.concatenate([part[2] for part in parts]),
        "value": np.concatenate([part[3] for part in parts]),
    }


def simulate_identities(
    parameters: Parameters, randomness: Randomness, users: Columns, sign_up: Integers
) -> Columns:
    """Links of anonymous ids to users; and shared devices, each linked to two users."""
    rng = randomness.stream("identities")
    linked = np.nonzero(users["is_anonymous"])[0]
    n_users = len(users["type"])
    n_shared = int(n_users * parameters.shared_alias_rate) if n_users > 1 else 0
    one = rng.integers(0, n_users, n_shared)
    other = (one + rng.integers(1, max(n_users, 2), n_shared)) % n_users
    device = randomness.ids("shared device", np.arange(n_shared))
    user = np.concatenate([linked, one, other])
    return {
        "user": user,
        "alias": np.concatenate([users["anonymous_id"][linked], device, device]),
        "is_shared": np.concatenate(
            [np.zeros(len(linked), dtype=np.int64), np.ones(2 * n_shared, dtype=np.int64)]
        ),
        "timestamp": sign_up[user] + 500,
    }


def simulate_consents(
    parameters: Parameters,
    randomness: Randomness,
    users: Columns,
    sign_up: Integers,
    window: Window,
) -> Columns:
    """Opt-ins at sign-up; opt-outs and erasures in the last hour, so that they bias nothing."""
    rng = randomness.stream("consents")
    n_users = len(users["type"])
    opts_in = np.nonzero(rng.random(n_users) < parameters.consent_opt_in_rate)[0]
    opts_out = np.nonzero(rng.random(n_users) < parameters.consent_opt_out_rate)[0]
    erased = np.nonzero(rng.random(n_users) < parameters.consent_erasure_rate)[0]
    late = np.concatenate([opts_out, erased])
    return {
        "user": np.concatenate([opts_in, late]),
        "consent": np.concatenate(
            [
                np.full(len(rows), number, dtype=np.int64)
                for number, rows in enumerate((opts_in, opts_out, erased))
            ]
        ),
        "timestamp": np.concatenate(
            [
                sign_up[opts_in] + 2_000,
                window.end_ms - 1 - rng.integers(0, 3_000_000, len(late)),
            ]
        ),
    }
