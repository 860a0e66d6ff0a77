"""A report for people and for machines; the decision first."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from llm_analytics.experiments.analysis import Finding, Report
from llm_analytics.statistics.pivot import Comparison


def number(value: float | None, unit: str = "") -> str:
    """A value in its unit; shares in per cent, an em dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "—"
    if unit.startswith("share"):
        return f"{value:.2%}"
    if unit == "US dollars":
        return f"${value:,.6f}" if abs(value) < 0.1 else f"${value:,.2f}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A share with its sign."""
    return "—" if value is None else f"{value:+.1%}"


def p_text(value: float) -> str:
    """A p-value; a tiny one by its order of magnitude and never as zero."""
    if value >= 0.001:
        return f"{value:.3f}"
    return f"{value:.0e}" if value > 0 else "< 1e-300"


def interval(comparison: Comparison) -> str:
    """The relative interval, or that it has no bounds."""
    if comparison.lift_low is None:
        return "unbounded"
    return f"{percent(comparison.lift_low)} to {percent(comparison.lift_high)}"


def _margin(one: Finding) -> str:
    if one.non_inferiority is None:
        return ""
    shown = one.non_inferiority
    size = f"{shown.margin:.3g}" if not shown.is_relative else f"{shown.margin:.0%}"
    if one.equivalence is not None and one.equivalence.is_shown:
        return f"{size}: holds both ways (p {p_text(one.equivalence.p_value)})"
    return f"{size}: {'holds' if shown.is_shown else 'not shown'} (p {p_text(shown.p_value)})"


def _findings(title: str, findings: list[Finding], control: str, is_segment: bool) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("segment" if is_segment else "metric", no_wrap=True)
    table.add_column(control, justify="right")
    table.add_column("treatment", justify="right")
    table.add_column("change", justify="right")
    table.add_column("interval", justify="right")
    table.add_column("p", justify="right")
    table.add_column("verdict")
    arms = {one.variant for one in findings}
    for one in findings:
        name = one.segment if is_segment else one.metric
        table.add_row(
            name if len(arms) == 1 else f"{name} ({one.variant})",
            number(one.comparison.control.value, one.unit),
            number(one.comparison.treatment.value, one.unit),
            percent(one.comparison.lift),
            interval(one.comparison),
            p_text(one.p_adjusted),
            f"{one.verdict} {_margin(one)}".strip(),
        )
    return table


def print_report(report: Report, console: Console) -> None:
    """Decision, reason, then what it rests on."""
    console.print(f"{report.experiment_id}: {report.decision.upper()}", style="bold")
    console.print(f"because {report.reason}", highlight=False)
    units = ", ".join(f"{arm} {n:,}" for arm, n in report.n_units.items())
    ratio = report.sample_ratio
    tested = "not tested" if ratio.p_value is None else f"p {p_text(ratio.p_value)}"
    console.print(
        f"units: {units}; sample ratio {'BROKEN' if ratio.is_mismatch else 'holds'} ({tested})",
        highlight=False,
    )
    console.print(f"method {report.method}, alpha {report.alpha:g}", highlight=False)
    if report.evidence.is_sample_ratio_broken:
        console.print("The figures are not shown: they would mislead.", highlight=False)
    else:
        for role, title in (
            ("primary", "What it is decided by"),
            ("guardrail", "What must not get worse"),
            ("secondary", "What else changed"),
        ):
            found = [one for one in report.findings if one.role == role]
            if found:
                console.print(_findings(title, found, report.control, False))
        for one in report.findings:
            if one.role == "primary":
                console.print(_power(one), highlight=False)
                if report.method == "bayes" and one.posterior is not None:
                    console.print(
                        f"{one.metric}: {one.posterior.p_better:.1%} likely to be better",
                        highlight=False,
                    )
        if report.segments:
            console.print(_findings("By segment", list(report.segments), report.control, True))
        for difference in report.heterogeneity:
            console.print(
                f"{difference.metric}: do the segments differ? Cochran's Q {difference.q:.2f},"
                f" p {p_text(difference.p_value)}",
                highlight=False,
            )
    for warning in report.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)


def _power(one: Finding) -> str:
    found = f"{one.metric}: {one.test}"
    if one.variance_reduction is not None:
        found += f", variance reduced by {one.variance_reduction:.0%}"
    if one.detectable_lift is not None:
        found += f"; finds {percent(one.detectable_lift)} with 80% power"
    if one.power is not None:
        found += f"; power for the effect that matters {one.power:.0%}"
    return found


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values; what is not finite is null."""
    shown = not report.evidence.is_sample_ratio_broken
    return {
        "experiment_id": report.experiment_id,
        "decision": str(report.decision),
        "reason": report.reason,
        "method": report.method,
        "alpha": report.alpha,
        "control": report.control,
        "n_units": dict(report.n_units),
        "sample_ratio": {
            "p_value": report.sample_ratio.p_value,
            "is_mismatch": report.sample_ratio.is_mismatch,
            "reason": report.sample_ratio.reason,
        },
        "findings": [finding_json(one) for one in report.findings] if shown else [],
        "segments": [finding_json(one) for one in report.segments] if shown else [],
        "heterogeneity": [
            {"metric": x.metric, "variant": x.variant, "q": x.q, "p_value": x.p_value}
            for x in report.heterogeneity
        ]
        if shown
        else [],
        "warnings": list(report.warnings),
    }


def finite(value: float | None) -> float | None:
    """None for what JSON cannot hold."""
    return value if value is not None and math.isfinite(value) else None


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain values."""
    return {
        "control": comparison.control.value,
        "treatment": comparison.treatment.value,
        "n_control": comparison.control.n,
        "n_treatment": comparison.treatment.n,
        "difference": comparison.difference,
        "difference_low": finite(comparison.difference_low),
        "difference_high": finite(comparison.difference_high),
        "lift": comparison.lift,
        "lift_low": comparison.lift_low,
        "lift_high": comparison.lift_high,
        "is_unbounded": comparison.is_unbounded,
        "statistic": finite(comparison.statistic),
        "degrees": finite(comparison.degrees),
        "critical": comparison.critical,
        "p_value": comparison.p_value,
    }


def finding_json(one: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    shown = one.non_inferiority
    return {
        "metric": one.metric,
        "variant": one.variant,
        "segment": one.segment,
        "role": one.role,
        "unit": one.unit,
        "test": one.test,
        "is_higher_better": one.is_higher_better,
        **comparison_json(one.comparison),
        "p_value": one.p_value,
        "p_adjusted": one.p_adjusted,
        "is_significant": one.is_significant,
        "verdict": one.verdict,
        "margin": None if shown is None else shown.margin,
        "margin_kind": None if shown is None else one.margin_kind,
        "non_inferiority_p": None if shown is None else shown.p_value,
        "is_non_inferior": None if shown is None else shown.is_shown,
        "equivalence_p": None if one.equivalence is None else one.equivalence.p_value,
        "is_equivalent": None if one.equivalence is None else one.equivalence.is_shown,
        "power": one.power,
        "detectable_lift": one.detectable_lift,
        "variance_reduction": one.variance_reduction,
        "p_better": None if one.posterior is None else one.posterior.p_better,
        "p_not_worse": None if one.posterior is None else one.posterior.p_not_worse,
        "n_immature": one.n_immature,
    }
