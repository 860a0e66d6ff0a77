"""What a report found, landed as the raw stream experiment_results: the next build brings it on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.analysis import Finding, Report
from llm_analytics.loading.load import LoadReport
from llm_analytics.results import load_results
from llm_analytics.warehouse import Warehouse, resolve_warehouse

STREAM = "experiment_results"
#: What a column of twelve decimals holds; a smaller p-value must not land as zero.
SMALLEST_P, LARGEST = 1e-12, 1e11


def _p(value: float | None) -> float | None:
    return None if value is None else max(value, SMALLEST_P)


def _finite(value: float | None) -> float | None:
    """None for what the column cannot hold."""
    return value if value is not None and math.isfinite(value) and abs(value) < LARGEST else None


def _estimates(one: Finding) -> dict[str, Any]:
    """The figures of a finding, as the stream names them."""
    comparison, shown = one.comparison, one.non_inferiority
    numbers = {
        "control_value": comparison.control.value,
        "treatment_value": comparison.treatment.value,
        "difference": comparison.difference,
        "difference_low": comparison.difference_low,
        "difference_high": comparison.difference_high,
        "lift": comparison.lift,
        "lift_low": comparison.lift_low,
        "lift_high": comparison.lift_high,
        "p_value": _p(one.p_value),
        "p_adjusted": _p(one.p_adjusted),
        "margin": None if shown is None else shown.margin,
        "power": one.power,
        "detectable_lift": one.detectable_lift,
        "variance_reduction": one.variance_reduction,
        "p_better": None if one.posterior is None else one.posterior.p_better,
    }
    return {
        **{name: _finite(value) for name, value in numbers.items()},
        "n_control": comparison.control.n,
        "n_treatment": comparison.treatment.n,
        "test": one.test,
        "verdict": one.verdict,
        "margin_kind": None if shown is None else one.margin_kind or "relative",
        "is_significant": one.is_significant,
        "is_non_inferior": None if shown is None else shown.is_shown,
    }


def records(report: Report) -> Iterator[dict[str, Any]]:
    """One event per metric, arm and segment; without figures where they must not be read.

    The time is how far the events reached that were read, so that reading them again gives the same
    event, which lands once.
    """
    if report.read_until is None:
        raise LlmAnalyticsError(f"{report.experiment_id} has no events: there is nothing to save")
    is_readable = not report.evidence.is_sample_ratio_broken
    for one in [*report.findings, *report.segments]:
        is_whole = one in report.findings
        yield {
            "event": "experiment_analysed",
            "timestamp": report.read_until.isoformat(),
            "experiment_id": report.experiment_id,
            "metric": one.metric,
            "variant": one.variant,
            "control_variant": report.control,
            "segment_name": one.segment if is_whole else report.segment_name,
            "segment": one.segment,
            "metric_role": one.role,
            "method": report.method,
            "unit": one.unit,
            "decision": str(report.decision),
            "alpha": report.alpha,
            "sample_ratio_p": _p(report.sample_ratio.p_value),
            "is_higher_better": one.is_higher_better,
            **(_estimates(one) if is_readable else {}),
        }


def save(report: Report, warehouse: Warehouse | None = None) -> LoadReport:
    """Lands a report as any load does, in one transaction: all of it, or nothing.

    Raises LlmAnalyticsError where there is nothing to save, or the warehouse cannot be written.
    """
    events = list(records(report))
    if not events:
        raise LlmAnalyticsError(f"{report.experiment_id} has no metric with data: nothing to save")
    return load_results(STREAM, events, warehouse or resolve_warehouse())
