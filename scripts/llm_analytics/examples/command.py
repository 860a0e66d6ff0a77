"""`llm-analytics convert`: a public data set as files that `llm-analytics load` reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.examples import chitchat, claude_code, serving_traces
from llm_analytics.examples.writer import write_events

Out = Annotated[Path, typer.Option("--out", help="Folder for the events, one file per stream.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]


def convert_chitchat(path: Path | None, out: Path) -> dict[str, int]:
    """Write the Chit-Chat data set as events; returns events by file name.

    `path` is a dataset.json; without it, that of the installed package. Raises LlmAnalyticsError.
    """
    conversations = chitchat.read_conversations(path or chitchat.packaged_path())
    return write_events(
        out,
        {
            "queries": chitchat.query_events(conversations),
            "feedback": chitchat.feedback_events(conversations),
        },
    )


def convert_claude_code(
    path: Path, out: Path, start: datetime = claude_code.DEFAULT_START
) -> dict[str, int]:
    """Write Claude Code requests as events; returns events by file name.

    `start` is when the first session begins, UTC without a zone. Raises LlmAnalyticsError.
    """
    requests = claude_code.read_requests(path)
    return write_events(out, {"responses": claude_code.response_events(requests, start)})


def convert_serving_trace(
    name: str, path: Path, out: Path, start: datetime | None = None, model: str | None = None
) -> dict[str, int]:
    """Write a trace of a serving system as events; returns events by file name.

    `name` is one of serving_traces.READERS; `start` is when the first request comes, UTC without a
    zone, and `model` stands for requests without one. Raises LlmAnalyticsError.
    """
    trace = serving_traces.READERS[name](path)
    events = serving_traces.response_events(name, trace, start, model)
    return write_events(out, {"responses": events})


def register(app: typer.Typer) -> None:
    """Add `convert` and its data sets to the command."""
    commands = typer.Typer(
        no_args_is_help=True, help="Turn a public data set into events to load: real input to try."
    )

    @commands.command("chitchat")
    def _chitchat(
        out: Out,
        path: Annotated[
            Path | None,
            typer.Argument(
                help="Its dataset.json; that of the package chitchat-dataset if absent."
            ),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Chats of volunteers (PyPI chitchat-dataset, MIT): queries and ratings."""
        _report(convert_chitchat(path, out), out, as_json)

    @commands.command("claude-code")
    def _claude_code(
        path: Annotated[
            Path, typer.Argument(help="The requests as CSV, or a session as published (JSON).")
        ],
        out: Out,
        start: Annotated[
            datetime, typer.Option(help="When the first session begins (UTC); traces do not say.")
        ] = claude_code.DEFAULT_START,
        as_json: AsJson = False,
    ) -> None:
        """Requests of Claude Code sessions (kv-cache-tester, Apache-2.0): calls of a model."""
        _report(convert_claude_code(path, out, _utc(start)), out, as_json)

    for name, about in (
        ("azure-llm", "An hour of a conversation service in Azure (CC-BY 4.0): CSV."),
        ("burstgpt", "Requests of a campus to ChatGPT and GPT-4 (CC-BY 4.0): CSV."),
        ("mooncake", "An hour of the Kimi chat service (Apache-2.0): JSON Lines."),
        ("llmperf", "Requests of Ray's LLMPerf benchmark: JSON Lines."),
    ):
        _add_serving_trace(commands, name, about)
    app.add_typer(commands, name="convert")


def _add_serving_trace(commands: typer.Typer, name: str, about: str) -> None:
    """Add the command that converts one kind of trace."""

    @commands.command(name, help=about)
    def _serving_trace(
        path: Annotated[Path, typer.Argument(help="The trace.")],
        out: Out,
        start: Annotated[
            datetime | None,
            typer.Option(help="When the first request comes (UTC), if not when the trace says."),
        ] = None,
        model: Annotated[
            str | None, typer.Option(help="The model of requests of which the trace says none.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        begins_at = _utc(start) if start else None
        _report(convert_serving_trace(name, path, out, begins_at, model), out, as_json)


def _utc(moment: datetime) -> datetime:
    """The moment in UTC, without a zone; without one it is UTC already."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _report(counts: dict[str, int], out: Path, as_json: bool) -> None:
    """Say what was written where, and what to do next."""
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "events": counts}))
        return
    for name, n in counts.items():
        typer.echo(f"{out / name}: {n:,} events")
    typer.echo(f"Next: llm-analytics load {out}")
