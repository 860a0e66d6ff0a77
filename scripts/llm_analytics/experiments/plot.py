"""The forest plot of a report, as SVG: text that any browser draws, and no library to install."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.experiments.analysis import Finding, Report

_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 26, 230, 420, 170, 56
_COLOURS = {"better": "#1a7f37", "no worse": "#1a7f37", "worse": "#b42318", "unclear": "#57606a"}


def forest_plot(report: Report) -> str:
    """Relative changes with their intervals, around the line of no change; of bounded ones only."""
    shown = [] if report.evidence.is_sample_ratio_broken else list(report.findings)
    bounded = [one for one in shown if one.comparison.lift_low is not None]
    ends = [0.0]
    for one in bounded:
        ends += [one.comparison.lift_low or 0.0, one.comparison.lift_high or 0.0]
    # One wild interval must not squeeze all others: what is beyond ±100 % runs off the edge.
    low, high = max(min(ends), -1.0), min(max(ends), 1.0)
    span = max(high - low, 0.01) * 1.1
    start = (low + high) / 2 - span / 2

    def x(lift: float) -> float:
        return _LEFT + min(max((lift - start) / span, 0.0), 1.0) * _WIDTH

    height = _TOP + _ROW * (len(bounded) + 1) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + _RIGHT}"'
        f' height="{height}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="24" font-size="16">{escape(report.experiment_id)}:'
        f" {escape(str(report.decision))}</text>",
        f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{_TOP - 14}" y2="{height - 34}"'
        ' stroke="#8c959f" stroke-dasharray="4 3"/>',
    ]
    for place, one in enumerate(bounded):
        parts += _row(one, _TOP + place * _ROW, x)
    for lift in (low, 0.0, high):
        parts.append(
            f'<text x="{x(lift):.1f}" y="{height - 14}" text-anchor="middle"'
            f' fill="#57606a">{lift:+.0%}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(one: Finding, y: int, x: object) -> list[str]:
    assert callable(x)  # noqa: S101 - for the reader and the type checker
    comparison = one.comparison
    colour = _COLOURS[one.verdict]
    left, right = x(comparison.lift_low), x(comparison.lift_high)
    name = one.metric if one.role == "secondary" else f"{one.metric} ({one.role})"
    return [
        f'<text x="12" y="{y + 4}">{escape(name)}</text>',
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}" stroke="{colour}"'
        ' stroke-width="2"/>',
        f'<rect x="{x(comparison.lift) - 4:.1f}" y="{y - 4}" width="8" height="8"'
        f' fill="{colour}"/>',
        f'<text x="{_LEFT + _WIDTH + 12}" y="{y + 4}" fill="{colour}">'
        f"{comparison.lift:+.1%} {escape(one.verdict)}</text>",
    ]


def write_forest_plot(report: Report, file: Path) -> None:
    """Raises LlmAnalyticsError for another suffix than .svg, or where it cannot be written."""
    if file.suffix.lower() != ".svg":
        raise LlmAnalyticsError(f"{file}: the plot is written as .svg")
    try:
        file.write_text(forest_plot(report), encoding="utf-8")
    except OSError as error:
        raise LlmAnalyticsError(f"{file}: {error.strerror}") from error
