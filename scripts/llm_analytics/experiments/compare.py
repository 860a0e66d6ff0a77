"""`llm-analytics compare-models`: is the other model good enough, and what does it save?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.analysis import worst_sample_ratio
from llm_analytics.experiments.model_comparison import (
    ALL,
    SHARE_OF_MODEL,
    Inputs,
    ModelComparison,
    compare_models,
)
from llm_analytics.experiments.rendering import comparison_json, finite, number, p_text
from llm_analytics.marts import read_mart
from llm_analytics.warehouse import Warehouse, resolve_warehouse

Row = Mapping[str, Any]


def _is_named(row: Row, name: str) -> bool:
    """Is it this model: by its name alone, or as provider/model?"""
    return name in (row["model"], f"{row['provider']}/{row['model']}")


def _only(rows: Sequence[Row], name: str) -> Row:
    """The one model of this name. Raises LlmAnalyticsError for none, and for one of several."""
    found = {(row["provider"], row["model"]): row for row in rows if _is_named(row, name)}
    if not found:
        known = ", ".join(sorted({str(row["model"]) for row in rows})) or "none"
        raise LlmAnalyticsError(f"no model {name} was used; known: {known}")
    if len(found) > 1:
        names = ", ".join(sorted(f"{provider}/{model}" for provider, model in found))
        raise LlmAnalyticsError(f"{name} has several providers; name one of: {names}")
    return next(iter(found.values()))


def _arms(stats: Sequence[Row], current: Row, other: Row) -> dict[str, list[list[Row]]]:
    """Experiments that gave one arm to each model, with the rows of both arms."""
    arms: dict[str, list[list[Row]]] = {}
    for experiment in sorted({row["experiment_id"] for row in stats if row["is_randomised"]}):
        rows = [row for row in stats if row["experiment_id"] == experiment]
        pair = []
        for model in (current, other):
            wholes = [
                row
                for row in rows
                if (row["measure"], row["slice_name"]) == ("cost", ALL)
                and (row["provider"], row["model"]) == (model["provider"], model["model"])
                and row["n_answers_of_model"] >= SHARE_OF_MODEL * row["n_answers"]
            ]
            if wholes:
                largest = max(wholes, key=lambda row: (row["n_answers"], row["variant"]))
                pair.append([row for row in rows if row["variant"] == largest["variant"]])
        if len(pair) == 2:
            arms[experiment] = pair
    return arms


def _repriced(
    rows: Sequence[Row], current: Row, other: Row, last: date, n_days: int
) -> tuple[float, int] | None:
    """What the other model's prices would have saved on the current model's tokens, US dollars."""
    saved = [
        row["saving_usd"]
        for row in rows
        if row["provider"] == current["provider"]
        and row["other_model"] == other["priced_model"]
        and row["other_provider"] == other["provider"]
        and row["date_day"] > last - timedelta(days=n_days)
    ]
    return (float(sum(saved)), n_days) if saved else None


def read_inputs(
    current: str,
    other: str,
    experiment: str | None = None,
    *,
    is_observational: bool = False,
    warehouse: Warehouse | None = None,
) -> Inputs:
    """The rows of both models: of an experiment between them if there is one, else as used.

    Raises LlmAnalyticsError for an unknown model, or an experiment that does not compare the two.
    """
    place = warehouse or resolve_warehouse()
    models = read_mart("dim_models", "model", warehouse=place)
    one, two = _only(models, current), _only(models, other)
    if (one["provider"], one["model"]) == (two["provider"], two["model"]):
        raise LlmAnalyticsError("a model cannot be compared with itself")
    stats = read_mart("model_comparison_stats", "model", warehouse=place)
    used = [
        [
            row
            for row in stats
            if not row["is_randomised"]
            and (row["provider"], row["model"]) == (model["provider"], model["model"])
        ]
        for model in (one, two)
    ]
    volume = repriced = None
    whole = next((r for r in used[0] if (r["measure"], r["slice_name"]) == ("cost", ALL)), None)
    if whole is not None:
        n_days = int(whole["n_days"])
        volume = (int(whole["n_answers"]), n_days)
        prices = read_mart(
            "cost_under_other_models_daily", "date_day", warehouse=place,
            where={"model": one["model"]},
        )  # fmt: skip
        repriced = _repriced(prices, one, two, whole["last_date"], n_days)
    if is_observational:
        return Inputs(used[0], used[1], None, False, repriced, volume)
    arms = _arms(stats, one, two)
    if experiment is None and not arms:
        return Inputs(used[0], used[1], None, False, repriced, volume)
    if experiment is not None and experiment not in arms:
        names = ", ".join(arms) or "none"
        raise LlmAnalyticsError(f"{experiment} gave no arm to each of the two; such are: {names}")
    chosen = experiment or max(arms, key=lambda name: sum(_n_units(rows) for rows in arms[name]))
    wanted = {"experiment_id": chosen}
    assignment = read_mart("experiment_assignment_counts", "variant", warehouse=place, where=wanted)
    (about,) = read_mart("dim_experiments", "experiment_id", warehouse=place, where=wanted)
    warnings = []
    if not about["is_over"]:
        warnings.append(f"{chosen} has no end that has passed: its figures may still change")
    return Inputs(
        arms[chosen][0],
        arms[chosen][1],
        chosen,
        worst_sample_ratio(assignment).is_mismatch,
        repriced,
        volume,
        warnings,
    )


def _n_units(rows: Sequence[Row]) -> int:
    return max(int(row["n_units"]) for row in rows)


def _money(dollars: float | None) -> str:
    return "—" if dollars is None else f"{'-' if dollars < 0 else ''}${abs(dollars):,.2f}"


def _points(share: float) -> str:
    return f"{share * 100:+.1f}"


def _quality_lines(found: ModelComparison) -> list[str]:
    quality, shown = found.quality, found.non_inferiority
    if quality is None or shown is None:
        return [f"quality ({found.criterion}): not known"]
    lines = [
        f"quality ({found.criterion}; {found.basis}): {found.current}"
        f" {quality.control.value:.1%}, {found.other} {quality.treatment.value:.1%}",
        f"  difference {_points(quality.difference)} points"
        f" ({_points(quality.difference_low)} to {_points(quality.difference_high)});"
        f" margin {shown.margin * 100:g}: {'holds' if shown.is_shown else 'not shown'}"
        f" (p {p_text(shown.p_value)})",
    ]
    worst = found.worst_slice
    if worst is not None:
        one = worst.comparison
        lines.append(
            f"  worst slice of {worst.n_slices}: {worst.name} {worst.value},"
            f" {_points(one.difference)} points ({_points(one.difference_low)} to"
            f" {_points(one.difference_high)})"
        )
    return lines


def _saving_lines(found: ModelComparison) -> list[str]:
    lines = []
    if found.saving_by_repricing is not None:
        lines.append(
            f"saving per month, the same tokens repriced: {_money(found.saving_by_repricing)}"
        )
    if found.saving_observed is not None:
        bounds = f"{_money(found.saving_observed_low)} to {_money(found.saving_observed_high)}"
        lines.append(f"saving per month, as observed: {_money(found.saving_observed)} ({bounds})")
    if found.cost is not None:
        lines.append(
            f"  per interaction {number(found.cost.control.value, 'US dollars')} against"
            f" {number(found.cost.treatment.value, 'US dollars')}"
        )
    return lines or ["saving: not known"]


def lines(found: ModelComparison) -> list[str]:
    """The comparison for people; the advice first, then whether anybody was assigned at random."""
    origin = (
        f"RANDOMISED: experiment {found.experiment_id}"
        if found.experiment_id is not None
        else "OBSERVATIONAL: nobody was assigned at random; what differs may be who asked, and what"
    )
    shown = [
        f"{found.other} for {found.current}: {found.advice.upper()}",
        f"because {found.reason}",
        origin,
    ]
    if not found.knowledge.is_broken:
        shown += _quality_lines(found) + _saving_lines(found)
    return shown + [f"warning: {text}" for text in found.warnings]


def as_json(found: ModelComparison) -> dict[str, Any]:
    """The comparison as plain values."""
    shown, worst = found.non_inferiority, found.worst_slice
    return {
        "current": found.current,
        "other": found.other,
        "criterion": found.criterion,
        "experiment_id": found.experiment_id,
        "is_randomised": found.knowledge.is_randomised,
        "advice": str(found.advice),
        "reason": found.reason,
        "quality_state": str(found.knowledge.quality),
        "quality_basis": None if found.basis is None else str(found.basis),
        "quality": None if found.quality is None else comparison_json(found.quality),
        "margin": None if shown is None else shown.margin,
        "non_inferiority_p": None if shown is None else shown.p_value,
        "is_non_inferior": None if shown is None else shown.is_shown,
        "cost_per_interaction": None if found.cost is None else comparison_json(found.cost),
        "is_cheaper": found.knowledge.is_cheaper,
        "saving_per_month_repriced": finite(found.saving_by_repricing),
        "saving_per_month_observed": finite(found.saving_observed),
        "saving_per_month_observed_low": finite(found.saving_observed_low),
        "saving_per_month_observed_high": finite(found.saving_observed_high),
        "worst_slice": None
        if worst is None
        else {
            "slice_name": worst.name,
            "slice": worst.value,
            "is_harmed": worst.is_harmed,
            "n_slices": worst.n_slices,
            **comparison_json(worst.comparison),
        },
        "warnings": list(found.warnings),
    }


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command("compare-models")
    def compare_models_command(
        current: Annotated[str, typer.Argument(metavar="A", help="The model in use.")],
        other: Annotated[str, typer.Argument(metavar="B", help="The model to use instead.")],
        criterion: Annotated[
            str, typer.Option("--criterion", help="What answers were judged by.")
        ] = "accuracy",
        margin: Annotated[
            float, typer.Option("--margin", help="Loss of quality allowed: 0.03 is 3 points.")
        ] = 0.03,
        alpha: Annotated[float, typer.Option("--alpha", help="Two-sided level.")] = 0.05,
        experiment: Annotated[
            str | None, typer.Option("--experiment", help="Read this experiment between the two.")
        ] = None,
        observational: Annotated[
            bool, typer.Option("--observational", help="Compare all use, not an experiment.")
        ] = False,
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """Is model B good enough for what model A does now, and what would it save?"""
        if observational and experiment is not None:
            raise LlmAnalyticsError("an experiment is not observational: give one of the two")
        inputs = read_inputs(current, other, experiment, is_observational=observational)
        found = compare_models(inputs, current, other, criterion, margin, alpha)
        typer.echo(json.dumps(as_json(found), indent=2) if is_json else "\n".join(lines(found)))
