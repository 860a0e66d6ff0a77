"""`llm-analytics report`: one page on a week or a month."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.notify import Message, channels
from llm_analytics.reporting import markdown, page, wording
from llm_analytics.reporting.contents import Period, Report, read_report


def write_report(report: Report, folder: Path, with_picture: bool) -> list[Path]:
    """Write the files of a report into a folder; returns their paths.

    Raises LlmAnalyticsError if one cannot be written.
    """
    name = f"report-{report.period}-{report.start}"
    html = page.render(report)
    written = [folder / f"{name}.html", folder / f"{name}.md"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written[0].write_text(html, encoding="utf-8")
        written[1].write_text(markdown.render(report), encoding="utf-8")
    except OSError as error:
        raise LlmAnalyticsError(f"{error.filename}: {error.strerror}") from error
    if with_picture:
        written.append(folder / f"{name}.png")
        page.screenshot(html, written[-1])
    return written


def send_report(report: Report) -> None:
    """Send it as HTML; services without HTML get its text.

    Raises LlmAnalyticsError if a service does not take it.
    """
    message = Message(wording.title(report), page.render(report), is_html=True)
    missed = [channel.name for channel in channels() if not channel.send(message)]
    if missed:
        raise LlmAnalyticsError(f"the report was not taken by {', '.join(missed)}")


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command("report")
    def report_command(
        period: Annotated[Period, typer.Option(help="What it is about.")] = Period.WEEK,
        day: Annotated[
            datetime | None,
            typer.Option(formats=["%Y-%m-%d"], help="A date in it (the newest complete one)."),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="Folder for report-….html and .md (print Markdown).")
        ] = None,
        png: Annotated[bool, typer.Option("--png", help="Write a picture too (Chromium).")] = False,
        send: Annotated[
            bool, typer.Option("--send", help="Send it to LLM_ANALYTICS_NOTIFY, e.g. by mail.")
        ] = False,
    ) -> None:
        """Say what changed in a week or month, whether it matters, and what to do next."""
        if png and out is None:
            raise typer.BadParameter("a picture needs a folder: --out")
        report = read_report(period, _as_date(day))
        if out is not None:
            for path in write_report(report, out, png):
                typer.echo(path)
        elif not send:
            typer.echo(markdown.render(report), nl=False)
        if send:
            send_report(report)


def _as_date(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
