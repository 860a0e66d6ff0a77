"""`llm-analytics convert`: a public data set as files that `llm-analytics load` reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.examples import chitchat, claude_code
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
        path: Annotated[Path, typer.Argument(help="The requests, as CSV.")],
        out: Out,
        start: Annotated[
            datetime, typer.Option(help="When the first session begins (UTC); traces do not say.")
        ] = claude_code.DEFAULT_START,
        as_json: AsJson = False,
    ) -> None:
        """Requests of Claude Code sessions (kv-cache-tester, Apache-2.0): calls of a model."""
        _report(convert_claude_code(path, out, _utc(start)), out, as_json)

    app.add_typer(commands, name="convert")


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
