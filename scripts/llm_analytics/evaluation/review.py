"""A queue of answers for people to judge: a CSV file for each, blind, and back again."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.evaluation.rubric import Rubric
from llm_analytics.evaluation.sampling import Item, shuffled

_ITEM, _QUESTION, _ANSWER = "item", "question", "answer"
#: What a spreadsheet takes for the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
PREFIX = "review-"


def safe_cell(text: str) -> str:
    """A text that no spreadsheet runs: an apostrophe before what would begin a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def plain_cell(text: str) -> str:
    """The text behind a safe cell."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def assign(
    items: Sequence[Item], raters: Sequence[str], double_share: float, seed: int
) -> dict[str, list[Item]]:
    """Items of each rater: each item to one, and a share of them to two, evenly and by the seed.

    Each rater meets them in an order of his own. Raises LlmAnalyticsError for a share out of 0..1,
    a rater named twice, or two ratings from one rater.
    """
    if not raters or len(set(raters)) < len(raters):
        raise LlmAnalyticsError("name each rater once")
    if not 0 <= double_share <= 1:
        raise LlmAnalyticsError(f"the share rated twice must be from 0 to 1, not {double_share}")
    if double_share > 0 and len(raters) < 2:
        raise LlmAnalyticsError("to rate twice takes two raters: --raters ann,bob, or --double 0")
    given: dict[str, list[Item]] = {rater: [] for rater in raters}
    ordered = shuffled(items, seed, "raters")
    n_double = round(len(ordered) * double_share)
    for place, item in enumerate(ordered):
        given[raters[place % len(raters)]].append(item)
        if place < n_double:
            # Each two raters meet in turn.
            step = 1 + place // len(raters) % (len(raters) - 1)
            given[raters[(place + step) % len(raters)]].append(item)
    return {rater: shuffled(own, seed, rater) for rater, own in given.items()}


def write_queue(folder: Path, rater: str, items: Sequence[Item], rubric: Rubric) -> Path:
    """Writes a rater's file: no model, no other verdict.

    Raises LlmAnalyticsError if it is there already, or cannot be written.
    """
    file = folder / f"review-{rater}.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", newline="", encoding="utf-8") as lines:
            rows = csv.writer(lines)
            rows.writerow([_ITEM, _QUESTION, _ANSWER, *(one.name for one in rubric.criteria)])
            for item in items:
                cells = (item.response_id, item.question, item.answer)
                rows.writerow([*map(safe_cell, cells), *("" for _ in rubric.criteria)])
    except FileExistsError as error:
        raise LlmAnalyticsError(f"{file} exists: it may hold verdicts") from error
    except OSError as error:
        raise LlmAnalyticsError(f"{file}: cannot be written") from error
    return file


def read_verdicts(file: Path, rubric: Rubric) -> dict[tuple[str, str], str]:
    """Labels by item and criterion from a file that came back; empty cells are not judged yet.

    Raises LlmAnalyticsError, with the line, for a label that the rubric has not.
    """
    found: dict[tuple[str, str], str] = {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            names = [_ITEM, *(one.name for one in rubric.criteria)]
            if missing := [name for name in names if name not in (rows.fieldnames or ())]:
                raise LlmAnalyticsError(f"{file}: no column {missing[0]}")
            for row in rows:
                for criterion in rubric.criteria:
                    label = plain_cell((row[criterion.name] or "").strip())
                    if label and label not in criterion.labels:
                        raise LlmAnalyticsError(
                            f"{file}, line {rows.line_num}: {criterion.name} is {label!r}, not one"
                            f" of {', '.join(criterion.labels)}"
                        )
                    if label:
                        found[plain_cell(row[_ITEM] or ""), criterion.name] = label
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LlmAnalyticsError(f"{file}: cannot be read as CSV ({error})") from error
    return found


def review_events(
    verdicts: dict[tuple[str, str], str],
    rater: str,
    rubric: Rubric,
    known: dict[str, tuple[int, str]],
) -> list[dict[str, Any]]:
    """The verdicts that are new or changed, as evaluations.

    `known` holds version and label of those that were collected before, by id.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    events = []
    for (response_id, name), label in verdicts.items():
        criterion = next(one for one in rubric.criteria if one.name == name)
        content = "\0".join((rater, rubric.name, rubric.version, name, response_id))
        event_id = PREFIX + hashlib.sha256(content.encode()).hexdigest()[:32]
        version, before = known.get(event_id, (0, ""))
        if label == before:
            continue
        score = criterion.labels[label]
        events.append(
            {
                "timestamp": now,
                "event_id": event_id,
                "event_version": version + 1,
                "response_id": response_id,
                "criterion": name,
                "rubric": rubric.name,
                "rubric_version": rubric.version,
                "evaluator_id": rater,
                "evaluator_kind": "human",
                "label": label,
                **({} if score is None else {"score": score}),
            }
        )
    return events
