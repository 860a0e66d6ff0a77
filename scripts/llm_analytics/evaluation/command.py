"""`llm-analytics evaluate`: a judge asked, a queue for people, and what they said."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.evaluation.judge import Cache, Endpoint, judge, judge_events
from llm_analytics.evaluation.review import (
    PREFIX,
    assign,
    read_verdicts,
    review_events,
    write_queue,
)
from llm_analytics.evaluation.rubric import read_rubric
from llm_analytics.evaluation.sampling import read_items, stratified_sample
from llm_analytics.loading.policy import Policy
from llm_analytics.marts import read_rows
from llm_analytics.results import has_table, load_results
from llm_analytics.warehouse import Warehouse, resolve_warehouse

#: Some answers of the sample were not judged: the budget, or the endpoint.
EXIT_INCOMPLETE = 5
KEY_VARIABLE = "LLM_ANALYTICS_JUDGE_KEY"


class Strata(StrEnum):
    """What a sample is balanced over."""

    MODEL = "model"
    FEATURE = "feature"
    PROMPT_VERSION = "prompt_version"
    PLATFORM = "platform"


_Rubric = Annotated[Path, typer.Option("--rubric", help="The rubric, a TOML file.")]
_Sample = Annotated[int, typer.Option("--sample", min=1, help="How many answers.")]
_Strata = Annotated[Strata, typer.Option("--by", help="What the sample is balanced over.")]
_Seed = Annotated[int, typer.Option("--seed", help="Another seed, another sample.")]


def known_reviews(warehouse: Warehouse) -> dict[str, tuple[int, str]]:
    """Newest version and its label of each verdict of a person that was collected before."""
    if not has_table("raw", "events_evaluations", warehouse):
        return {}
    rows = read_rows(
        "select event_id, event_version, label from raw.events_evaluations"
        f" where left(event_id, {len(PREFIX)}) = '{PREFIX}' order by event_version",
        "raw.events_evaluations",
        warehouse=warehouse,
    )
    return {row["event_id"]: (row["event_version"], row["label"]) for row in rows}


def register(app: typer.Typer) -> None:
    """Adds `evaluate` to the command."""
    commands = typer.Typer(no_args_is_help=True)

    @commands.callback()
    def evaluate() -> None:
        """Judge a sample of the answers by a rubric, with a model or with people."""

    @commands.command("judge")
    def judge_command(
        rubric_file: _Rubric,
        endpoint: Annotated[str, typer.Option(help="Base URL, up to /v1.")],
        model: Annotated[str, typer.Option(help="The model that judges.")],
        input_price: Annotated[
            float, typer.Option(min=0, help="US dollars per million input tokens.")
        ],
        output_price: Annotated[
            float, typer.Option(min=0, help="US dollars per million output tokens.")
        ],
        budget: Annotated[float, typer.Option(min=0, help="US dollars, never more.")] = 1.0,
        sample: _Sample = 100,
        by: _Strata = Strata.MODEL,
        seed: _Seed = 1,
        cache: Annotated[
            Path, typer.Option(help="What was judged before, and is not paid for again.")
        ] = Path("judgements.sqlite"),
        is_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    ) -> None:
        """Ask a model behind an OpenAI-compatible endpoint; its verdicts land as evaluations.

        The key is read from LLM_ANALYTICS_JUDGE_KEY. Exit status: 0 all of the sample is judged,
        5 some is not (budget or endpoint), 1 failed.
        """
        rubric = read_rubric(rubric_file)
        warehouse = resolve_warehouse()
        place = Endpoint(
            endpoint, model, os.environ.get(KEY_VARIABLE) or None, input_price, output_price
        )
        items = stratified_sample(read_items(warehouse, by.value), sample, seed)
        report = judge(items, rubric, place, Cache(cache), budget)
        events = judge_events(report, rubric, place)
        if events:
            load_results("evaluations", events, warehouse)
        result = {
            "n_sampled": len(items),
            "n_judged": len(report.judgements),
            "n_cached": report.n_cached,
            "n_failed": report.n_failed,
            "n_left": report.n_left,
            "spent_usd": round(report.spent_usd, 6),
            "is_out_of_budget": report.is_out_of_budget,
            "last_failure": report.last_failure,
        }
        if is_json:
            typer.echo(json.dumps(result, indent=2))
        else:
            typer.echo(
                f"{len(report.judgements)} of {len(items)} answers judged by {model}"
                f" ({report.n_cached} known before) for ${report.spent_usd:.4f}"
            )
            if report.is_out_of_budget:
                typer.echo(f"{report.n_left} left: the budget of ${budget:g} does not allow more")
            if report.n_failed:
                typer.echo(f"{report.n_failed} without a verdict: {report.last_failure}")
        if report.n_left or report.n_failed:
            raise typer.Exit(EXIT_INCOMPLETE)

    @commands.command("queue")
    def queue_command(
        rubric_file: _Rubric,
        raters: Annotated[str, typer.Option(help="Who rates, with commas.")],
        out: Annotated[Path, typer.Option(help="Folder for the files.")],
        sample: _Sample = 100,
        double: Annotated[float, typer.Option(help="Share that two raters judge.")] = 0.2,
        by: _Strata = Strata.MODEL,
        seed: _Seed = 1,
    ) -> None:
        """Write a CSV file for each rater: questions and answers, and not whose they are."""
        rubric = read_rubric(rubric_file)
        names = [name.strip() for name in raters.split(",") if name.strip()]
        if wrong := [name for name in names if not name.replace("-", "").isalnum()]:
            raise LlmAnalyticsError(f"a rater is named by letters, digits and -, not {wrong[0]!r}")
        items = stratified_sample(read_items(resolve_warehouse(), by.value), sample, seed)
        given = assign(items, names, double, seed)
        if there := [name for name in names if (out / f"review-{name}.csv").exists()]:
            raise LlmAnalyticsError(f"{out}/review-{there[0]}.csv exists: it may hold verdicts")
        for name, own in given.items():
            file = write_queue(out, name, own, rubric)
            typer.echo(f"{file}: {len(own)} answers")

    @commands.command("collect")
    def collect_command(
        file: Annotated[Path, typer.Argument(help="A rater's file, filled in or in part.")],
        rubric_file: _Rubric,
        rater: Annotated[str, typer.Option(help="Who rated.")],
    ) -> None:
        """Load what a rater wrote into a file; again after a change, what changed."""
        rubric = read_rubric(rubric_file)
        warehouse = resolve_warehouse()
        verdicts = read_verdicts(file, rubric)
        # Who rated is a person: named as every other, by the key where one is set.
        evaluator = Policy.from_environment().pseudonym(rater)
        events = review_events(verdicts, evaluator, rubric, known_reviews(warehouse))
        if events:
            load_results("evaluations", events, warehouse)
        typer.echo(f"{len(verdicts)} verdicts of {rater}, {len(events)} new or changed")

    app.add_typer(commands, name="evaluate")
