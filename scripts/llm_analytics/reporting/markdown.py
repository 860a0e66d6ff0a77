"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llm_analytics.reporting import wording
from llm_analytics.reporting.contents import Report


def plain(text: object) -> str:
    """Text that no reader of Markdown takes for markup: names are data."""
    one_line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", one_line)


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    if not rows:
        return ["None."]
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return lines + ["| " + " | ".join(map(plain, row)) + " |" for row in rows]


def render(report: Report) -> str:
    """The whole report."""
    parts = [f"# {plain(wording.title(report))}", ""]
    if not report.is_complete:
        parts += ["**This period is not over: its figures will change, and none is compared.**", ""]
    for heading, headings, rows in sections(report):
        parts += [f"## {heading}", "", *_table(headings, rows), ""]
    parts += ["## How to read it", "", *(f"- {plain(note)}" for note in wording.NOTES)]
    return "\n".join(parts) + "\n"


def sections(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
    """Heading, headings of columns and rows of each table below the title."""
    return [
        ("Next actions", ["do", "because"], [[each.what, each.why] for each in report.actions]),
        (
            "What changed",
            ["metric", "value", "before", "change (95 % interval)", "verdict"],
            [
                [
                    each.shown.label,
                    wording.value(each),
                    wording.before(each),
                    wording.interval(each),
                    str(each.verdict),
                ]
                for each in report.changes
            ],
        ),
        (
            "Incidents",
            ["rule", "severity", "from (UTC)", "until (UTC)", "what"],
            [
                [
                    f"{each.rule} {each.value}".strip(),
                    each.severity,
                    f"{each.opened_at:%Y-%m-%d %H:%M}",
                    "open" if each.resolved_at is None else f"{each.resolved_at:%Y-%m-%d %H:%M}",
                    " ".join(each.lines),
                ]
                for each in report.incidents
            ],
        ),
        (
            "Experiments decided",
            ["experiment", "variant", "primary metric", "change (95 % interval)", "decision"],
            [
                [
                    row["experiment_id"],
                    row["variant"],
                    row["metric"],
                    wording.lift(row["lift_low"], row["lift"], row["lift_high"]),
                    row["decision"],
                ]
                for row in report.experiments
            ],
        ),
        (
            "What drives cost",
            ["model", "cost", "before", "change"],
            [
                [
                    each.model,
                    wording.dollars(each.cost_usd),
                    wording.dollars(each.before_usd),
                    wording.dollars(each.cost_usd - each.before_usd, sign=True),
                ]
                for each in report.drivers
            ],
        ),
        (
            "Ways to save",
            ["kind", "model", "detail", "saving"],
            [
                [
                    row["kind"].replace("_", " "),
                    row["model"] or "unknown",
                    row["detail"],
                    f"{wording.dollars(float(row['saving_usd']))}"
                    f" of {wording.dollars(float(row['cost_usd']))}",
                ]
                for row in report.opportunities
            ],
        ),
        (
            "Where it hurts",
            ["answers that ended", "feature", "users", "sessions without a goal"],
            [
                [
                    row["end_state"].replace("_", " "),
                    row["feature"] or "none",
                    f"{row['n_users']:,}",
                    f"{row['n_lost_goals']:,}",
                ]
                for row in report.pain_points
            ],
        ),
        ("Not computable, missing", ["missing"], [[each] for each in report.missing]),
    ]
