"""What happens without users: machines that cost money, and probes of the service."""

from __future__ import annotations

import numpy as np

from .incidents import HOUR_MS, Effects
from .parameters import Parameters
from .population import Window
from .randomness import Columns, Integers, Randomness


def simulate_infrastructure(
    parameters: Parameters, randomness: Randomness, window: Window, asked_at: Integers
) -> Columns:
    """One row per machine and hour: cost, and a utilisation that follows the traffic."""
    rng = randomness.stream("infrastructure")
    n_hours, n_resources = window.days * 24, len(parameters.resources)
    queries = np.bincount((asked_at - window.start_ms) // HOUR_MS, minlength=n_hours)[:n_hours]
    hour = np.tile(np.arange(n_hours), n_resources)
    resource = np.repeat(np.arange(n_resources), n_hours)
    load = queries / max(float(queries.max()), 1.0)
    noise = 0.05 * rng.standard_normal(len(hour))
    costs = np.array([cost for _, cost in parameters.resources])
    return {
        "resource": resource,
        "started_at": window.start_ms + hour * HOUR_MS,
        "timestamp": window.start_ms + (hour + 1) * HOUR_MS - 1,
        "cost_usd": costs[resource],
        "utilisation": np.round(np.clip(0.15 + 0.7 * load[hour] + noise, 0.0, 1.0), 4),
    }


def simulate_probes(
    parameters: Parameters, randomness: Randomness, window: Window, effects: Effects
) -> Columns:
    """A heartbeat every few minutes; down in an outage, absent while its stream is silent."""
    rng = randomness.stream("probes")
    step = parameters.probe_minutes * 60_000
    at = np.arange(window.start_ms, window.end_ms, step, dtype=np.int64)
    is_up = rng.random(len(at)) >= parameters.probe_failure_rate
    is_up &= ~effects.during(at, lambda incident: incident.is_down)
    return {
        "timestamp": at,
        "is_up": is_up.astype(np.int64),
        "latency_ms": np.where(is_up, rng.integers(20, 120, len(at)), -1),
    }
