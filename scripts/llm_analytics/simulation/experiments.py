"""Experiments: who sees which variant from when on, and what that changes."""

from __future__ import annotations

import numpy as np

from .parameters import Experiment, Parameters
from .population import Window, starts_group
from .randomness import Bools, Columns, Integers, Randomness

VARIANTS = ("control", "treatment")


def assign(randomness: Randomness, experiment: Experiment, n_users: int) -> Integers:
    """Variant of each user (position in VARIANTS), both equally likely."""
    return randomness.stream(f"assignment {experiment.name}").integers(0, 2, n_users)


def forced_models(
    parameters: Parameters, randomness: Randomness, sessions: Columns, n_users: int, window: Window
) -> Integers:
    """Model that an experiment routes each session to (position in `models`), or -1."""
    forced = np.full(len(sessions["user"]), -1, dtype=np.int64)
    for experiment in parameters.experiments:
        if experiment.control_model is None or experiment.treatment_model is None:
            continue
        models = np.array(
            [
                parameters.model_index(experiment.control_model),
                parameters.model_index(experiment.treatment_model),
            ]
        )
        variant = assign(randomness, experiment, n_users)[sessions["user"]]
        running = _is_running(experiment, sessions, window)
        forced[running] = models[variant][running]
    return forced


def simulate_exposures(
    parameters: Parameters, randomness: Randomness, sessions: Columns, n_users: int, window: Window
) -> tuple[Columns, Columns]:
    """Exposures (session, experiment, variant, timestamp), and goals (session, experiment).

    A user is exposed at the start of the first session within the experiment; the goal of an
    experiment, if it has one, is drawn once per exposed user and reached in that session.
    """
    exposures: list[Columns] = []
    goals: list[Columns] = []
    for number, experiment in enumerate(parameters.experiments):
        rng = randomness.stream(f"exposures {experiment.name}")
        variant = assign(randomness, experiment, n_users)
        running = np.nonzero(_is_running(experiment, sessions, window))[0]
        is_first = starts_group(sessions["user"][running])
        is_sent = is_first | (rng.random(len(running)) < parameters.repeated_exposure_rate)
        sent = running[is_sent]
        exposures.append(
            {
                "session": sent,
                "experiment": np.full(len(sent), number, dtype=np.int64),
                "variant": variant[sessions["user"][sent]],
                "timestamp": sessions["started_at"][sent] + 1_000,
            }
        )
        if experiment.goal is not None:
            first = running[is_first]
            rates = np.array([experiment.control_rate, experiment.treatment_rate])
            is_reached = rng.random(len(first)) < rates[variant[sessions["user"][first]]]
            goals.append(
                {
                    "session": first[is_reached],
                    "experiment": np.full(int(is_reached.sum()), number, dtype=np.int64),
                }
            )
    empty = np.zeros(0, dtype=np.int64)
    none: Columns = {"session": empty, "experiment": empty}
    return (
        {
            name: np.concatenate([part[name] for part in exposures] or [empty])
            for name in ("session", "experiment", "variant", "timestamp")
        },
        {name: np.concatenate([part[name] for part in goals] or [empty]) for name in none},
    )


def _is_running(experiment: Experiment, sessions: Columns, window: Window) -> Bools:
    start, end = window.moment(experiment.starts_at), window.moment(experiment.ends_at)
    return (sessions["started_at"] >= start) & (sessions["started_at"] < end)
