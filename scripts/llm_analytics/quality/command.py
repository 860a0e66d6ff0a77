"""`llm-analytics agreement`."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llm_analytics.quality.agreement import (
    HUMAN,
    AgreementReport,
    CorrectedRate,
    Task,
    read_agreement,
    report_agreement,
)
from llm_analytics.statistics.agreement import Agreement, Weights

#: Agreement is below what was asked for, or not known.
EXIT_TOO_LOW = 4


def _range(low: float | None, high: float | None, form: str) -> str:
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "—"
    return f"{low:{form}} to {high:{form}}"


def _agreement_cells(found: Agreement | None) -> tuple[str, str, str]:
    if found is None:
        return "—", "no two verdicts differ", "—"
    return f"{found.value:.3f}", _range(found.low, found.high, ".3f"), f"{found.observed:.1%}"


def _table(title: str, names: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _task(task: Task) -> tuple[str, str]:
    return escape(task.criterion), escape(task.rubric_label or "—")


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"


def _corrected_cells(rate: CorrectedRate) -> tuple[str, str]:
    if rate.value is None:
        return "—", rate.reason or ""
    return _share(rate.value), _range(rate.low, rate.high, ".1%")


def print_agreement(report: AgreementReport, console: Console) -> None:
    """Raters of a kind first, then each two of them, then what follows for the judges' rates."""
    if not report.pairs:
        console.print("No thing was judged by two evaluators: agreement is not known.")
    if report.groups:
        table = _table(
            "Krippendorff's alpha of evaluators of one kind",
            ("criterion", "rubric", "kind", "scale"),
            ("evaluators", "things", "alpha", "interval", "agree"),
        )
        for group in report.groups:
            value, interval, observed = _agreement_cells(group.alpha)
            n = 0 if group.alpha is None else round(group.alpha.n_things)
            table.add_row(
                *_task(group.task), escape(group.kind), group.level, str(group.n_evaluators),
                f"{n:,}", value, interval, observed,
            )  # fmt: skip
        console.print(table)
    if report.pairs:
        table = _table(
            "Cohen's kappa of two evaluators",
            ("criterion", "rubric", "evaluators"),
            ("things", "kappa", "interval", "agree"),
        )
        for pair in report.pairs:
            names = " · ".join(
                f"{name} ({kind})" for name, kind in zip(pair.evaluators, pair.kinds, strict=True)
            )
            table.add_row(
                *_task(pair.task), escape(names), f"{pair.n_things:,}",
                *_agreement_cells(pair.kappa),
            )  # fmt: skip
        console.print(table)
    if report.corrected:
        table = _table(
            "Rates of judges, corrected by how they err against humans",
            ("criterion", "judge", "verdict"),
            ("judged", "rate", "checked", "sens.", "spec.", "corrected", "interval"),
        )
        for rate in report.corrected:
            table.add_row(
                escape(rate.task.criterion), escape(rate.evaluator or "—"), rate.verdict,
                f"{rate.n_judged:,}", _share(rate.rate), f"{rate.n_checked:,}",
                _share(rate.sensitivity), _share(rate.specificity), *_corrected_cells(rate),
            )  # fmt: skip
        console.print(table)


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _agreement_json(found: Agreement | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "error": _number(found.error),
        "low": _number(found.low),
        "high": _number(found.high),
        "observed": found.observed,
        "n_things": round(found.n_things),
    }


def agreement_json(report: AgreementReport) -> dict[str, Any]:
    """The report as plain values."""

    def task(one: Task) -> dict[str, str | None]:
        return {
            "criterion": one.criterion,
            "rubric": one.rubric or None,
            "rubric_version": one.rubric_version or None,
        }

    return {
        "groups": [
            {
                **task(group.task),
                "evaluator_kind": group.kind,
                "n_evaluators": group.n_evaluators,
                "level": group.level,
                "alpha": _agreement_json(group.alpha),
            }
            for group in report.groups
        ],
        "pairs": [
            {
                **task(pair.task),
                "evaluator_kinds": list(pair.kinds),
                "evaluators": list(pair.evaluators),
                "n_things": pair.n_things,
                "kappa": _agreement_json(pair.kappa),
            }
            for pair in report.pairs
        ],
        "corrected_rates": [
            {
                **task(rate.task),
                "evaluator": rate.evaluator or None,
                "verdict": rate.verdict,
                "n_judged": rate.n_judged,
                "rate": rate.rate,
                "n_checked": rate.n_checked,
                "sensitivity": rate.sensitivity,
                "specificity": rate.specificity,
                "corrected": rate.value,
                "low": rate.low,
                "high": rate.high,
                "reason": rate.reason,
            }
            for rate in report.corrected
        ],
    }


def _too_low(report: AgreementReport, least: float) -> list[str]:
    """What humans agree on less than asked for; all of it where nothing is known."""
    humans = [group for group in report.groups if group.kind == HUMAN]
    if not humans:
        return ["no two humans judged the same thing"]
    return [
        f"alpha of {group.task.criterion} is"
        f" {'not known' if group.alpha is None else f'{group.alpha.value:.3f}'}"
        for group in humans
        if group.alpha is None or group.alpha.value < least
    ]


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command()
    def agreement(
        criterion: Annotated[
            str | None, typer.Option(help="Of this criterion only, for example accuracy.")
        ] = None,
        scale: Annotated[
            str, typer.Option(help="Verdicts from worst to best, with commas: they have an order.")
        ] = "",
        weights: Annotated[
            Weights, typer.Option(help="What two verdicts of a scale cost kappa.")
        ] = Weights.LINEAR,
        level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
        at_least: Annotated[
            float | None,
            typer.Option("--at-least", help="Fail if humans agree less: the least alpha."),
        ] = None,
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """How far raters agree, and what judges' rates are worth against humans.

        Exit status: 0 done, 4 humans agree less than --at-least, 1 failed.
        """
        order = [verdict.strip() for verdict in scale.split(",") if verdict.strip()]
        report = report_agreement(
            *read_agreement(criterion), order=order, weights=weights, level=level
        )
        if is_json:
            typer.echo(json.dumps(agreement_json(report), indent=2))
        else:
            print_agreement(report, Console())
        if at_least is not None and (found := _too_low(report, at_least)):
            typer.echo(f"llm-analytics: below {at_least:g}: {'; '.join(found)}", err=True)
            raise typer.Exit(EXIT_TOO_LOW)
