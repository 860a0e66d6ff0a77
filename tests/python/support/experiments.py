"""Rows of the marts of experiments, made from units, and an experiment around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_analytics.experiments.analysis import Marts
from llm_analytics.statistics.sums import NAMES, PAIRS, Sums

EXPERIMENT = {
    "experiment_id": "x", "unit": "user", "control_variant": "control", "goal": None,
    "planned_looks": None, "window_days": 7, "alpha": 0.05, "planned_units": None,
    "minimum_effect": 0.05, "n_variants": 2, "n_units": 2000, "n_crossovers": 0, "n_excluded": 0,
    "is_declared": True, "is_over": True,
}  # fmt: skip
Units = Sequence[tuple[int, int, int, int]]


def arm_row(metric: str, variant: str, units: Units, **given: Any) -> dict[str, Any]:
    """A row of experiment_arm_stats."""
    sums = Sums.of_units(units)
    return {
        "experiment_id": "x", "metric": metric, "variant": variant, "segment_name": "__all__",
        "segment": "__all__", "allocation_phase": "all", "metric_role": "primary",
        "margin_kind": None, "margin": None, "unit": "things", "window_days": 7,
        "n_units": sums.n, "n_immature": 0, "n_without_den": 0, "num_scale": 1,
        **{f"sum_{name}": int(x) for name, x in zip(NAMES, sums.firsts, strict=True)},
        **{
            f"sum_{NAMES[a]}_{NAMES[b]}": int(x)
            for (a, b), x in zip(PAIRS, sums.products, strict=True)
        },
        "min_num": min(unit[0] for unit in units), "max_num": max(unit[0] for unit in units),
        "top_num": 0, "is_higher_better": True, **given,
    }  # fmt: skip


def assigned(variant: str, n: int, weight: float = 1.0, phase: str = "all") -> dict[str, Any]:
    return {
        "variant": variant, "allocation_phase": phase, "segment_name": "__all__",
        "segment": "__all__", "n_units": n, "planned_weight": weight,
    }  # fmt: skip


def means(seed: int, n: int, mean: float) -> Units:
    rng = np.random.default_rng(seed)
    return [(int(x), 1, 0, 0) for x in rng.normal(mean, 10, n).round()]


def shares(successes: int, n: int) -> Units:
    return [(1, 1, 0, 0)] * successes + [(0, 1, 0, 0)] * (n - successes)


def marts(*rows: dict[str, Any], **given: Any) -> Marts:
    """An experiment of two arms of equal size."""
    return Marts(
        {**EXPERIMENT, **given}, rows, (), [assigned("control", 1000), assigned("treatment", 1000)]
    )


def both(metric: str, control: Units, treatment: Units, **given: Any) -> list[dict[str, Any]]:
    return [
        arm_row(metric, "control", control, **given),
        arm_row(metric, "treatment", treatment, **given),
    ]
