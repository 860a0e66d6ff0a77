"""The rows of one experiment, from the marts."""

from __future__ import annotations

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.analysis import Marts
from llm_analytics.marts import read_mart
from llm_analytics.statistics.quantiles import FEWEST_CLUSTERS
from llm_analytics.warehouse import Warehouse, resolve_warehouse


def read_experiment(experiment_id: str, warehouse: Warehouse | None = None) -> Marts:
    """Raises LlmAnalyticsError, with the known names, for an experiment that is not there."""
    place = warehouse or resolve_warehouse()
    known = read_mart("dim_experiments", "experiment_id", warehouse=place)
    found = next((row for row in known if row["experiment_id"] == experiment_id), None)
    if found is None:
        names = ", ".join(str(row["experiment_id"]) for row in known) or "none"
        raise LlmAnalyticsError(f"no experiment {experiment_id}; known: {names}")
    if not found["n_units"]:
        raise LlmAnalyticsError(f"{experiment_id} is declared, but nobody was exposed to it yet")
    wanted = {"experiment_id": experiment_id}

    def rows(mart: str, order_by: str = "variant") -> list[dict[str, object]]:
        return read_mart(mart, order_by, warehouse=place, where=wanted)

    quantiles = read_mart("experiment_quantile_stats", "variant", warehouse=place, where=wanted)
    is_small = any(int(row["n_units"]) < FEWEST_CLUSTERS for row in quantiles)
    return Marts(
        experiment=found,
        arm_stats=rows("experiment_arm_stats"),
        quantile_stats=quantiles,
        assignment=rows("experiment_assignment_counts"),
        quantile_values=rows("experiment_quantile_values", "unit_id") if is_small else (),
    )
