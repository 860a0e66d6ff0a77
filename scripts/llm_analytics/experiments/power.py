"""`llm-analytics power`: how many units an experiment takes."""

from __future__ import annotations

import json
import math
from typing import Annotated

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.statistics.power import units_for_proportions, units_needed


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def power(
        effect: Annotated[
            float, typer.Option("--effect", help="Relative effect to find: 0.05 is 5 %.")
        ],
        rate: Annotated[
            float | None, typer.Option("--rate", help="Of a share: its value in control.")
        ] = None,
        mean: Annotated[float | None, typer.Option("--mean", help="Mean per unit.")] = None,
        deviation: Annotated[
            float | None, typer.Option("--deviation", help="Standard deviation per unit.")
        ] = None,
        wanted: Annotated[float, typer.Option("--power")] = 0.8,
        alpha: Annotated[float, typer.Option("--alpha")] = 0.05,
        share: Annotated[float, typer.Option("--share", help="Of units in treatment.")] = 0.5,
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """How many units an experiment needs to find an effect."""
        try:
            if rate is not None:
                if not 0 < rate < 1 or not 0 <= rate * (1 + effect) <= 1:
                    raise LlmAnalyticsError("a rate and the changed rate lie between 0 and 1")
                if share != 0.5:
                    spread = math.sqrt(rate * (1 - rate))
                    units = units_needed(rate * effect, spread, wanted, alpha, share)
                else:
                    units = 2 * units_for_proportions(rate, rate * (1 + effect), wanted, alpha)
            elif mean is not None and deviation is not None:
                units = units_needed(mean * effect, deviation, wanted, alpha, share)
            else:
                raise LlmAnalyticsError("give --rate, or --mean and --deviation")
        except ValueError as error:
            raise LlmAnalyticsError(str(error)) from error
        treatment = math.ceil(units * share)
        control = math.ceil(units * (1 - share))
        if is_json:
            typer.echo(json.dumps({"control": control, "treatment": treatment}))
        else:
            typer.echo(
                f"{control + treatment:,} units ({control:,} control, {treatment:,} treatment)"
                f" find {effect:+.1%} with {wanted:.0%} power at alpha {alpha:g}"
            )
