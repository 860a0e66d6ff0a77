"""`llm-analytics significance`: a decision first, then why."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.analysis import Options, analyse
from llm_analytics.experiments.offline import OfflineResult, compare_file
from llm_analytics.experiments.plot import write_forest_plot
from llm_analytics.experiments.reading import read_experiment
from llm_analytics.experiments.rendering import (
    as_json,
    comparison_json,
    interval,
    number,
    p_text,
    percent,
    print_report,
)
from llm_analytics.experiments.saving import save


class MethodName(StrEnum):
    """How an experiment may be read."""

    FIXED = "fixed"
    SEQUENTIAL = "sequential"
    GROUP_SEQUENTIAL = "group-sequential"
    BAYES = "bayes"


def _level(alpha: float | None) -> float | None:
    if alpha is not None and not 0 < alpha < 1:
        raise LlmAnalyticsError(f"alpha must be between 0 and 1, not {alpha}")
    return alpha


def _print_offline(result: OfflineResult, file: Path) -> None:
    found = result.comparison
    verdict = "differ" if abs(found.statistic) > found.critical else "cannot be told apart"
    typer.echo(f"{file.name}: the arms {verdict} ({result.test}, p {p_text(found.p_value)})")
    typer.echo(f"{result.control}: {number(found.control.value)} (n {found.control.n:,})")
    typer.echo(f"{result.treatment}: {number(found.treatment.value)} (n {found.treatment.n:,})")
    typer.echo(
        f"difference: {number(found.difference)}"
        f" ({number(found.difference_low)} to {number(found.difference_high)})"
    )
    typer.echo(f"relative: {percent(found.lift)} ({interval(found)})")
    if result.mcnemar is not None:
        typer.echo(
            f"McNemar: only {result.control} {result.mcnemar.only_control}, only"
            f" {result.treatment} {result.mcnemar.only_treatment},"
            f" p {p_text(result.mcnemar.p_value)}"
        )
    if result.n_skipped:
        typer.echo(f"warning: {result.n_skipped} rows lack a value and were skipped")


def _offline_json(result: OfflineResult) -> str:
    found = {
        "form": result.form,
        "test": result.test,
        "arms": [result.control, result.treatment],
        "n_skipped": result.n_skipped,
        **comparison_json(result.comparison),
    }
    if result.mcnemar is not None:
        found["mcnemar"] = {
            "only_control": result.mcnemar.only_control,
            "only_treatment": result.mcnemar.only_treatment,
            "p_value": result.mcnemar.p_value,
        }
    return json.dumps(found, indent=2)


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def significance(
        experiment: Annotated[
            str | None, typer.Argument(help="The experiment, as exposures name it.")
        ] = None,
        metric: Annotated[
            list[str] | None, typer.Option("--metric", help="Show these metrics only.")
        ] = None,
        segment: Annotated[
            str | None, typer.Option("--segment", help="Also by platform, plan or country.")
        ] = None,
        method: Annotated[MethodName, typer.Option("--method")] = MethodName.FIXED,
        cuped: Annotated[
            bool, typer.Option("--cuped/--no-cuped", help="Reduce variance by the past.")
        ] = True,
        alpha: Annotated[float | None, typer.Option("--alpha", help="Two-sided level.")] = None,
        offline: Annotated[
            Path | None, typer.Option("--offline", help="Compare the arms of a CSV file instead.")
        ] = None,
        paired: Annotated[
            bool, typer.Option("--paired/--unpaired", help="Are two columns pairs?")
        ] = True,
        plot: Annotated[
            Path | None, typer.Option("--plot", help="Draw the forest plot into this .svg file.")
        ] = None,
        is_saved: Annotated[
            bool,
            typer.Option(
                "--save/--no-save", help="Land what was found, for marts.experiment_results."
            ),
        ] = False,
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """Decide an experiment: ship, do not ship, keep running, or broken; and why."""
        level = _level(alpha)
        if offline is not None:
            if is_saved:
                raise LlmAnalyticsError("--save is for experiments, not for --offline")
            result = compare_file(offline, level or 0.05, is_paired=paired)
            if is_json:
                typer.echo(_offline_json(result))
            else:
                _print_offline(result, offline)
            return
        if experiment is None:
            raise LlmAnalyticsError("name an experiment, or a file with --offline")
        options = Options(
            method=method.value, use_cuped=cuped, alpha=level, segment=segment,
            metrics=tuple(metric or ()),
        )  # fmt: skip
        report = analyse(read_experiment(experiment), options)
        if plot is not None:
            write_forest_plot(report, plot)
        landed = save(report) if is_saved else None
        if is_json:
            typer.echo(json.dumps(as_json(report), indent=2))
        else:
            print_report(report, Console())
            if landed is not None:
                n_new = sum(landed.landed.values())
                typer.echo(f"saved {n_new} new findings; the next dbt build brings them on")
