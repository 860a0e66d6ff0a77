"""From counts in marts to agreement between raters, and to rates corrected for judge error."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_mart
from llm_analytics.statistics.agreement import (
    Agreement,
    Level,
    Pair,
    Weights,
    cohen_kappa,
    krippendorff_alpha,
)
from llm_analytics.statistics.judges import Confusion, corrected_rate
from llm_analytics.warehouse import Warehouse, resolve_warehouse

Row = Mapping[str, Any]

HUMAN, JUDGE = "human", "judge"
#: What a rate counts and out of what, by the marts' counts; the first that an evaluator has is its.
_RATES = (
    ("correct", "incorrect", "n_correct", ("n_correct", "n_incorrect")),
    ("unsupported", "supported", "n_hallucinated", ("n_checked",)),
    ("passed", "failed", "n_passed", ("n_scored",)),
)


@dataclass(frozen=True, order=True)
class Task:
    """What is judged, and by what: criterion, rubric, and its version ('' where not sent)."""

    criterion: str
    rubric: str
    rubric_version: str

    @classmethod
    def of(cls, row: Row) -> Task:
        """The task of a row of a mart."""
        return cls(row["criterion"], row["rubric"] or "", row["rubric_version"] or "")

    @property
    def rubric_label(self) -> str:
        """Rubric and version as one word; empty where neither was sent."""
        return f"{self.rubric}@{self.rubric_version}" if self.rubric_version else self.rubric


@dataclass(frozen=True)
class Scale:
    """The verdicts in their order, and what their order means."""

    verdicts: tuple[str, ...]
    level: Level
    weights: Weights


@dataclass(frozen=True)
class RaterPair:
    """Two evaluators on the things that both judged; kappa None where chance explains all."""

    task: Task
    kinds: tuple[str, str]
    evaluators: tuple[str, str]
    n_things: int
    kappa: Agreement | None


@dataclass(frozen=True)
class RaterGroup:
    """All evaluators of one kind on the things that two or more of them judged."""

    task: Task
    kind: str
    n_evaluators: int
    level: Level
    alpha: Agreement | None


@dataclass(frozen=True)
class CorrectedRate:
    """A judge's rate of `verdict`, and what it would be in the eyes of the humans.

    `n_checked` things were judged by a human too. `value`, `low` and `high` are None, and `reason`
    says why, where the judge cannot be corrected.
    """

    task: Task
    evaluator: str
    verdict: str
    n_judged: int
    rate: float
    n_checked: int
    sensitivity: float | None
    specificity: float | None
    value: float | None
    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True)
class AgreementReport:
    """Everything that the marts say of how far evaluations can be trusted."""

    pairs: tuple[RaterPair, ...]
    groups: tuple[RaterGroup, ...]
    corrected: tuple[CorrectedRate, ...]


def scale_of(rows: Iterable[Row], order: Sequence[str], weights: Weights) -> Scale:
    """The verdicts of rows: in `order`, where it names them all, else without one."""
    given = {row[name] for row in rows for name in ("verdict", "other_verdict")}
    if given <= set(order):
        return Scale(tuple(order), Level.ORDINAL, weights)
    return Scale(tuple(sorted(given)), Level.NOMINAL, Weights.NONE)


def rater_pair(task: Task, rows: Sequence[Row], scale: Scale, level: float) -> RaterPair:
    """Kappa of two evaluators from the rows of rater_pairs that are theirs."""
    place = {verdict: i for i, verdict in enumerate(scale.verdicts)}
    table = [[0] * len(place) for _ in place]
    for row in rows:
        table[place[row["verdict"]]][place[row["other_verdict"]]] += row["n_things"]
    first = rows[0]
    return RaterPair(
        task,
        (first["evaluator_kind"], first["other_evaluator_kind"]),
        (first["evaluator_id"], first["other_evaluator_id"]),
        sum(row["n_things"] for row in rows),
        cohen_kappa(table, scale.weights, level),
    )


def rater_group(
    task: Task, kind: str, rows: Sequence[Row], scale: Scale, level: float
) -> RaterGroup:
    """Alpha of all evaluators of one kind from the rows of rater_pairs that are among them."""
    place = {verdict: i for i, verdict in enumerate(scale.verdicts)}
    pairs: dict[Pair, int] = defaultdict(int)
    for row in rows:
        pair = Pair(place[row["verdict"]], place[row["other_verdict"]], row["n_peers"])
        pairs[pair] += row["n_things"]
    evaluators = {row[name] for row in rows for name in ("evaluator_id", "other_evaluator_id")}
    alpha = krippendorff_alpha(pairs, len(place), scale.level, level=level)
    return RaterGroup(task, kind, len(evaluators), scale.level, alpha)


def confusion_of(rows: Iterable[Row], good: str, bad: str) -> Confusion:
    """A judge against humans, from their common rows of rater_pairs.

    A thing that several humans judged counts once: each of its pairs by its share.
    """
    counts: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        counts[row["verdict"], row["other_verdict"]] += row["n_things"] / row["n_peers"]
    return Confusion(
        true_positives=round(counts[good, good]),
        false_negatives=round(counts[good, bad]),
        true_negatives=round(counts[bad, bad]),
        false_positives=round(counts[bad, good]),
    )


def corrected(
    task: Task, evaluator: str, totals: Mapping[str, int], checks: Sequence[Row], level: float
) -> CorrectedRate | None:
    """A judge's rate, corrected; None of an evaluator that gives neither verdicts nor scores."""
    given = next((rate for rate in _RATES if any(totals[part] for part in rate[3])), None)
    if given is None:
        return None
    good, bad, positive, parts = given
    n = sum(totals[part] for part in parts)
    found = confusion_of(checks, good, bad)
    n_good = found.true_positives + found.false_negatives
    n_bad = found.true_negatives + found.false_positives
    estimate = corrected_rate(totals[positive], n, found)
    low = high = None
    reason = None
    if estimate is not None:
        half = float(stats.t.isf((1 - level) / 2, estimate.degrees)) * math.sqrt(estimate.variance)
        low, high = max(0.0, estimate.value - half), min(1.0, estimate.value + half)
    elif not n_good + n_bad:
        reason = "no human judged the same things"
    elif min(n_good, n_bad) < 2:
        reason = "humans checked too few things of one kind"
    else:
        reason = "tells the humans' verdicts no better than chance"
    return CorrectedRate(
        task, evaluator, good, n, totals[positive] / n, n_good + n_bad,
        found.true_positives / n_good if n_good else None,
        found.true_negatives / n_bad if n_bad else None,
        min(1.0, max(0.0, estimate.value)) if estimate is not None else None, low, high, reason,
    )  # fmt: skip


def report_agreement(
    pairs: Iterable[Row],
    scores: Iterable[Row],
    *,
    order: Sequence[str] = (),
    weights: Weights = Weights.LINEAR,
    level: float = 0.95,
) -> AgreementReport:
    """The report from rows of the marts rater_pairs and evaluation_scores_daily.

    `order` names verdicts from worst to best; where it names all that a task has, its agreement is
    that of an ordered scale. Raises LlmAnalyticsError if not 0 < level < 1.
    """
    if not 0 < level < 1:
        raise LlmAnalyticsError(f"the level must be between 0 and 1, not {level}")
    by_task: dict[Task, list[Row]] = defaultdict(list)
    for row in pairs:
        by_task[Task.of(row)].append(row)
    found_pairs: list[RaterPair] = []
    found_groups: list[RaterGroup] = []
    checks: dict[tuple[Task, str], list[Row]] = defaultdict(list)
    for task, rows in sorted(by_task.items()):
        scale = scale_of(rows, order, weights)
        for _, own in sorted(_grouped(rows, *_EVALUATORS).items()):
            found_pairs.append(rater_pair(task, own, scale, level))
        among = [row for row in rows if row["evaluator_kind"] == row["other_evaluator_kind"]]
        for (kind,), own in sorted(_grouped(among, "evaluator_kind").items()):
            found_groups.append(rater_group(task, kind, own, scale, level))
        for row in rows:
            if (row["evaluator_kind"], row["other_evaluator_kind"]) == (HUMAN, JUDGE):
                checks[task, row["other_evaluator_id"]].append(row)
    judged: dict[tuple[Task, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in scores:
        if row["evaluator_kind"] == JUDGE:
            total = judged[Task.of(row), row["evaluator_id"] or ""]
            for name in ("n_correct", "n_incorrect", "n_hallucinated", "n_checked",
                         "n_passed", "n_scored"):  # fmt: skip
                total[name] += row[name]
    rates = [
        corrected(task, evaluator, totals, checks[task, evaluator], level)
        for (task, evaluator), totals in sorted(judged.items())
    ]
    return AgreementReport(
        tuple(found_pairs), tuple(found_groups), tuple(rate for rate in rates if rate is not None)
    )


_EVALUATORS = ("evaluator_kind", "evaluator_id", "other_evaluator_kind", "other_evaluator_id")


def _grouped(rows: Iterable[Row], *names: str) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found


def read_agreement(
    criterion: str | None = None,
    warehouse: Warehouse | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the two marts, of one criterion if it is given.

    Raises LlmAnalyticsError without a build, or where nothing was judged by that criterion.
    """
    place = warehouse or resolve_warehouse()
    where = {"criterion": criterion} if criterion else {}
    pairs = read_mart("rater_pairs", "criterion", warehouse=place, where=where)
    scores = read_mart("evaluation_scores_daily", "criterion", warehouse=place, where=where)
    if criterion and not scores:
        known = {row["criterion"] for row in read_mart("evaluation_scores_daily", "criterion")}
        raise LlmAnalyticsError(
            f"nothing was judged by {criterion}; known: {', '.join(sorted(known)) or 'none'}"
        )
    return pairs, scores
