"""`llm-analytics predict`: a back-test first; chances of those who are active now, if asked for."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.evaluation.review import safe_cell
from llm_analytics.prediction.backtest import TARGETS, Backtest, Score, backtest, fit
from llm_analytics.prediction.features import churn_examples, last_complete_date
from llm_analytics.warehouse import resolve_warehouse

#: The back-test says that the rate alone predicts as well or better.
EXIT_WORSE_THAN_NAIVE = 6


class TargetName(StrEnum):
    """What can be predicted."""

    CHURN = "churn"
    SATISFACTION = "satisfaction"


def _row(one: Score) -> tuple[str, ...]:
    return (
        str(one.cutoff or "all"), f"{one.n_train:,}", f"{one.n:,}", f"{one.rate:.1%}",
        f"{one.brier:.4f}", f"{one.naive:.4f}", f"{one.skill:+.1%}",
        "—" if one.auc is None else f"{one.auc:.3f}", one.verdict,
    )  # fmt: skip


def print_backtest(found: Backtest, console: Console) -> None:
    """Scores by cut-off, then predicted beside observed."""
    table = Table(title=f"Back-test of {found.target} within 28 days", title_justify="left")
    for name in ("cut-off", "learnt from", "tested on", "rate", "Brier", "naive", "skill", "AUC"):
        table.add_column(name, justify="right")
    table.add_column("than naive", no_wrap=True)
    for one in (*found.cutoffs, found.total):
        table.add_row(*_row(one))
    console.print(table)
    table = Table(title="Calibration", title_justify="left")
    for name in ("n", "predicted", "observed"):
        table.add_column(name, justify="right")
    for part in found.calibration:
        table.add_row(f"{part.n:,}", f"{part.predicted:.1%}", f"{part.observed:.1%}")
    console.print(table)


def _score_json(one: Score) -> dict[str, Any]:
    return {
        **asdict(one),
        "cutoff": None if one.cutoff is None else one.cutoff.isoformat(),
        "verdict": one.verdict,
    }


def register(app: typer.Typer) -> None:
    """Adds the command to the front."""

    @app.command("predict")
    def predict_command(
        target: Annotated[TargetName, typer.Argument(help="What to predict.")],
        cutoffs: Annotated[int, typer.Option(min=1, help="How many, 28 days apart.")] = 3,
        out: Annotated[
            Path | None,
            typer.Option(help="Write each active user's chance to leave into this CSV file."),
        ] = None,
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """Back-test a calibrated baseline on later time, beside a guess by the rate alone.

        Exit status: 0 better than naive or not to be told apart, 6 worse than naive (nothing is
        written), 1 failed.
        """
        if out is not None and target is not TargetName.CHURN:
            raise LlmAnalyticsError("--out is for churn: answers to come are not known")
        warehouse = resolve_warehouse()
        last = last_complete_date(warehouse)
        if last is None:
            raise LlmAnalyticsError("no day is complete yet")
        found = backtest(warehouse, TARGETS[target.value], last, cutoffs)
        if is_json:
            result = {
                "target": found.target,
                "cutoffs": [_score_json(one) for one in found.cutoffs],
                "total": _score_json(found.total),
                "calibration": [asdict(part) for part in found.calibration],
            }
            typer.echo(json.dumps(result, indent=2))
        else:
            print_backtest(found, Console())
        if found.total.skill <= 0:
            typer.echo(
                f"llm-analytics: {target} is predicted worse than by its rate alone;"
                " do not act on it",
                err=True,
            )
            raise typer.Exit(EXIT_WORSE_THAN_NAIVE)
        if out is not None:
            known = TARGETS["churn"].known_by(warehouse, last)
            now = churn_examples(warehouse, last, with_outcome=False)
            chances = fit(known)(now)
            with out.open("w", newline="", encoding="utf-8") as lines:
                rows = csv.writer(lines)
                rows.writerow(["user_id", "as_of_date", "churn_probability"])
                for one, chance in zip(now, chances, strict=True):
                    rows.writerow([safe_cell(one.user_id), last.isoformat(), f"{chance:.4f}"])
