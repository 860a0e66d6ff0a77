"""The report as one HTML file, which needs nothing else, and as a picture of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html import escape
from pathlib import Path

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.reporting import wording
from llm_analytics.reporting.contents import Change, Report, Verdict
from llm_analytics.reporting.markdown import sections

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_TONES = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "bad",
    Verdict.HIGHER: "moved",
    Verdict.LOWER: "moved",
}
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2328; background: #f6f8fa; margin: 0; }
main { max-width: 960px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.5rem; margin: 0 0 4px; } h2 { font-size: 1.1rem; margin: 32px 0 8px; }
.lead { color: #57606a; margin: 0 0 16px; }
.warning { background: #fff8c5; border: 1px solid #d4a72c; border-radius: 6px; padding: 8px 12px; }
ol, .card, .scroll { background: #fff; border: 1px solid #d0d7de; border-radius: 8px; }
ol { margin: 0; padding: 8px 16px 8px 40px; } li { margin: 6px 0; } li span { color: #57606a; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 12px; }
.card { padding: 12px 14px; border-left: 4px solid #d0d7de; }
.card.good { border-left-color: #1a7f37; } .card.bad { border-left-color: #b42318; }
.card.moved { border-left-color: #0969da; }
.card h3 { font-size: .85rem; font-weight: 500; color: #57606a; margin: 0; }
.card b { font-size: 1.4rem; } .card small { display: block; color: #57606a; }
.good .verdict { color: #1a7f37; } .bad .verdict { color: #b42318; } .verdict { font-weight: 600; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: 6px 12px; border-bottom: 1px solid #eaeef2; }
th { color: #57606a; font-weight: 500; } tr:last-child td { border-bottom: 0; }
.none { color: #57606a; margin: 0; } footer { color: #57606a; font-size: .8rem; margin-top: 32px; }
svg { display: block; width: 100%; height: 32px; margin: 4px 0; }
"""


def render(report: Report) -> str:
    """The whole report; every text of the data is escaped."""
    heading = escape(wording.title(report))
    n_moved = sum(each.verdict in _TONES for each in report.changes)
    n_open = sum(each.resolved_at is None for each in report.incidents)
    lead = (
        f"{n_moved} of {len(report.changes)} metrics changed by more than days differ ·"
        f" {len(report.incidents)} incidents, {n_open} open"
    )
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{heading}</title><style>{_STYLE}</style></head><body><main>",
        f'<h1>{heading}</h1><p class="lead">{escape(lead)}</p>',
    ]
    if not report.is_complete:
        parts.append(
            '<p class="warning">This period is not over: its figures will change, and none is'
            " compared.</p>"
        )
    for name, headings, rows in sections(report):
        parts.append(f"<h2>{escape(name)}</h2>")
        if name == "What changed":
            parts += ['<div class="cards">', *map(_card, report.changes), "</div>"]
        elif not rows:
            parts.append('<p class="none">None.</p>')
        elif name == "Next actions":
            items = (f"<li>{escape(what)}<br><span>{escape(why)}</span></li>" for what, why in rows)
            parts += ["<ol>", *items, "</ol>"]
        else:
            parts.append(_table(headings, rows))
    notes = " ".join(escape(note) for note in wording.NOTES)
    return "\n".join([*parts, f"<footer>{notes}</footer></main></body></html>\n"])


def _card(change: Change) -> str:
    tone = _TONES.get(change.verdict, "")
    return (
        f'<div class="card {tone}"><h3>{escape(change.shown.label)}</h3>'
        f"<b>{escape(wording.value(change))}</b>"
        f"<small>before {escape(wording.before(change))}</small>{_line(change.history)}"
        f'<small class="verdict">{escape(change.verdict)}</small>'
        f"<small>{escape(wording.interval(change))}</small></div>"
    )


def _line(history: Sequence[float | None]) -> str:
    """The periods up to this one, from their lowest to their highest value."""
    known = [(place, each) for place, each in enumerate(history) if each is not None]
    if len(known) < 2:
        return ""
    low, high = min(each for _, each in known), max(each for _, each in known)
    span = (high - low) or 1.0

    def at(place: int, each: float) -> str:
        return f"{4 + 192 * place / (len(history) - 1):.1f},{28 - 24 * (each - low) / span:.1f}"

    points = " ".join(at(place, each) for place, each in known)
    x, y = at(*known[-1]).split(",")
    return (
        '<svg viewBox="0 0 200 32" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline points="{points}" fill="none" stroke="#8c959f" stroke-width="2"'
        f' vector-effect="non-scaling-stroke"/><circle cx="{x}" cy="{y}" r="3" fill="#1f2328"/>'
        "</svg>"
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def screenshot(html: str, path: Path, width: int = 960) -> None:
    """A PNG of a page, as wide as given in pixels and as high as it is; nothing is fetched.

    Raises LlmAnalyticsError without playwright, or without a Chromium that starts.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise LlmAnalyticsError(
            "a PNG needs playwright and Chromium: pip install playwright, then"
            " `playwright install chromium`"
        ) from error
    own = next(filter(None, map(shutil.which, _BROWSERS)), None)
    try:
        with sync_playwright() as browsers:
            # Chromium of the system where there is one, else the one that playwright installed.
            browser = browsers.chromium.launch(executable_path=own, args=["--no-sandbox"])
            try:
                page = browser.new_page(viewport={"width": width, "height": 800})
                page.route("**/*", lambda route: route.abort())
                page.set_content(html)
                page.screenshot(path=path, full_page=True)
            finally:
                browser.close()
    except Error as error:
        line = str(error).strip().splitlines()[0]
        raise LlmAnalyticsError(f"Chromium makes no PNG: {line}") from error
