"""Is the cheaper model good enough? From sums of two arms to quality, saving and advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.statistics.judges import Confusion, corrected_rate
from llm_analytics.statistics.pivot import Comparison, NonInferiority, compare, non_inferiority
from llm_analytics.statistics.sums import Estimate, Sums, estimate

Row = Mapping[str, Any]

ALL = "__all__"
#: Days of a month, on average over the 400 years of the calendar.
DAYS_PER_MONTH = 30.436875
#: Judged answers of a slice, in each arm, below which it says nothing.
FEWEST_IN_SLICE = 30
#: Share of an arm's answers that its model must have given for the arm to stand for the model.
SHARE_OF_MODEL = 0.9
NANO = 1_000_000_000


class Advice(StrEnum):
    """What to do with the other model."""

    SWITCH = "switch"
    SWITCH_MOSTLY = "switch, but not everywhere"
    TRY = "try it in an experiment"
    KEEP = "keep what you have"
    MEASURE = "measure first"
    BROKEN = "broken: do not read"


class Quality(StrEnum):
    """What is known of the quality against the margin."""

    NO_WORSE = "no worse"
    WORSE = "worse"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """Whose verdicts the quality rests on."""

    CORRECTED = "judge, corrected by humans"
    HUMANS = "humans"
    UNCHECKED = "judge, not checked against humans"


@dataclass(frozen=True)
class Knowledge:
    """All that the advice depends on; `is_cheaper` None where neither saving is known."""

    is_broken: bool
    is_randomised: bool
    quality: Quality
    is_cheaper: bool | None
    is_slice_harmed: bool


def advise(known: Knowledge) -> tuple[Advice, str]:
    """The advice and the reason for it: first what forbids, then what is missing, then benefit."""
    if known.is_broken:
        return Advice.BROKEN, "the arms do not have the units they were meant to have"
    if known.quality is Quality.WORSE:
        return Advice.KEEP, "its quality is worse by more than the margin allows"
    if known.is_cheaper is False:
        return Advice.KEEP, "it saves nothing"
    if known.quality is Quality.UNKNOWN:
        return Advice.MEASURE, "no verdicts of humans say how good the answers of both are"
    if known.quality is Quality.UNCLEAR:
        return Advice.MEASURE, "the margin lies inside the interval: more verdicts are needed"
    if known.is_cheaper is None:
        return Advice.MEASURE, "what it would save is not known"
    if not known.is_randomised:
        return Advice.TRY, "it looks as good and saves, but nobody assigned the answers at random"
    if known.is_slice_harmed:
        return Advice.SWITCH_MOSTLY, "it is as good on the whole and saves, but one slice is worse"
    return Advice.SWITCH, "it is as good within the margin, and saves"


@dataclass(frozen=True)
class Slice:
    """The quality of one part of the answers; its interval holds for all `n_slices` at once."""

    name: str
    value: str
    comparison: Comparison
    is_harmed: bool
    n_slices: int


@dataclass(frozen=True)
class ModelComparison:
    """Everything said about two models.

    Differences are other - current, savings in US dollars a month. `quality` is in shares of good
    answers, `cost` in US dollars per answered interaction.
    """

    current: str
    other: str
    criterion: str
    experiment_id: str | None
    advice: Advice
    reason: str
    knowledge: Knowledge
    basis: Basis | None
    quality: Comparison | None
    non_inferiority: NonInferiority | None
    cost: Comparison | None
    saving_by_repricing: float | None
    saving_observed: float | None
    saving_observed_low: float | None
    saving_observed_high: float | None
    worst_slice: Slice | None
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Inputs:
    """Rows of model_comparison_stats of both arms, and what is known besides them."""

    current: Sequence[Row]
    other: Sequence[Row]
    experiment_id: str | None
    is_broken: bool
    #: Saving of 28 days or fewer, US dollars, and of how many; None without prices of both.
    repriced: tuple[float, int] | None
    #: Answered interactions of the current model, and the days that they are of.
    volume: tuple[int, int] | None
    warnings: Sequence[str] = ()


def _sums(row: Row) -> Sums:
    return Sums.make(
        int(row["n_units"]),
        [row["sum_num"], row["sum_den"], 0, 0],
        [row["sum_num_num"], row["sum_num_den"], 0, 0, row["sum_den_den"], 0, 0, 0, 0, 0],
    )


def _confusion(row: Row) -> Confusion:
    return Confusion(
        int(row["n_true_positives"]),
        int(row["n_false_negatives"]),
        int(row["n_true_negatives"]),
        int(row["n_false_positives"]),
    )


def _row(
    rows: Sequence[Row], measure: str, kind: str | None, name: str = ALL, value: str = ALL
) -> Row | None:
    wanted = (measure, kind, name, value)
    keys = ("measure", "evaluator_kind", "slice_name", "slice")
    return next((row for row in rows if tuple(row[key] for key in keys) == wanted), None)


def _rate(
    rows: Sequence[Row], criterion: str, basis: Basis, name: str = ALL, value: str = ALL
) -> Estimate | None:
    """Share of good answers of an arm, or of a slice of it; by units, so that users are one each.

    A slice is corrected by how the judge errs in the whole arm: it has too few labels of its own.
    """
    row = _row(rows, criterion, "human" if basis is Basis.HUMANS else "judge", name, value)
    found = None if row is None else estimate(_sums(row))
    if row is None or found is None or basis is not Basis.CORRECTED:
        return found
    whole = _row(rows, criterion, "judge")
    if whole is None:
        return None
    return corrected_rate(int(row["sum_num"]), int(row["sum_den"]), _confusion(whole), found)


def _quality(
    inputs: Inputs, criterion: str, alpha: float
) -> tuple[Basis | None, Comparison | None]:
    """On the best basis that both arms have: what humans corrected, humans alone, a judge alone."""
    for basis in Basis:
        rates = [_rate(rows, criterion, basis) for rows in (inputs.current, inputs.other)]
        if rates[0] is not None and rates[1] is not None:
            return basis, compare(rates[0], rates[1], alpha)
    return None, None


def _worst_slice(
    inputs: Inputs, criterion: str, basis: Basis, margin: float, alpha: float
) -> Slice | None:
    """Where the other model loses most; None where no slice has enough verdicts in both arms."""
    kind = "human" if basis is Basis.HUMANS else "judge"
    large = [
        {
            (row["slice_name"], row["slice"])
            for row in rows
            if (row["measure"], row["evaluator_kind"]) == (criterion, kind)
            and row["slice_name"] != ALL
            and int(row["sum_den"]) >= FEWEST_IN_SLICE
        }
        for rows in (inputs.current, inputs.other)
    ]
    # What a name divides into one part is the whole again.
    both = large[0] & large[1]
    names = [name for name, _ in both]
    parts = sorted(part for part in both if names.count(part[0]) > 1)
    found = []
    for name, value in parts:
        rates = [
            _rate(rows, criterion, basis, name, value) for rows in (inputs.current, inputs.other)
        ]
        if rates[0] is not None and rates[1] is not None:
            one = compare(rates[0], rates[1], alpha / len(parts))
            is_harmed = one.difference_high < -margin
            found.append(Slice(name, value, one, is_harmed, len(parts)))
    return min(found, key=lambda one: one.comparison.difference, default=None)


def _cost(inputs: Inputs, alpha: float) -> Comparison | None:
    rows = [_row(arm, "cost", None) for arm in (inputs.current, inputs.other)]
    found = [None if row is None else estimate(_sums(row), NANO) for row in rows]
    if found[0] is None or found[1] is None:
        return None
    return compare(found[0], found[1], alpha)


def _is_cheaper_repriced(saving: float | None) -> bool | None:
    """Prices are known and not sampled: any saving is one."""
    return None if saving is None else saving > 0


def _is_cheaper_observed(cost: Comparison | None) -> bool | None:
    """Is the other model seen to cost less, or seen to cost more? None where it is not seen."""
    if cost is None or cost.difference_low <= 0 <= cost.difference_high:
        return None
    return cost.difference < 0


def compare_models(
    inputs: Inputs,
    current: str,
    other: str,
    criterion: str = "accuracy",
    margin: float = 0.03,
    alpha: float = 0.05,
) -> ModelComparison:
    """Everything about two models; `margin` is a share of answers: 0.03 is three points.

    Raises LlmAnalyticsError for a margin or an alpha that is none.
    """
    if not 0 < margin < 1 or not 0 < alpha < 1:
        raise LlmAnalyticsError("margin and alpha must be between 0 and 1")
    warnings = list(inputs.warnings)
    basis, quality = _quality(inputs, criterion, alpha)
    shown = worst = None
    state = Quality.UNKNOWN
    if quality is not None and basis is not None:
        shown = non_inferiority(quality, margin, higher_is_better=True, is_relative=False)
        worst = _worst_slice(inputs, criterion, basis, margin, alpha)
        state = (
            Quality.NO_WORSE
            if shown.is_shown
            else Quality.WORSE
            if quality.difference_high < -margin
            else Quality.UNCLEAR
        )
    if basis is Basis.UNCHECKED:
        state = Quality.UNKNOWN
        warnings.append(
            f"no human checked the judge on {criterion} often enough on both sides: it may favour"
            " one of the models"
        )
    cost = _cost(inputs, alpha)
    monthly = None
    if inputs.volume is not None and inputs.volume[1] > 0:
        monthly = inputs.volume[0] / inputs.volume[1] * DAYS_PER_MONTH
    observed: list[float | None] = [None] * 3
    if cost is not None and monthly is not None:
        ends = (cost.difference, cost.difference_high, cost.difference_low)
        observed = [-end * monthly for end in ends]
    repriced = None
    if inputs.repriced is not None and inputs.repriced[1] > 0:
        repriced = inputs.repriced[0] / inputs.repriced[1] * DAYS_PER_MONTH
    is_cheaper = (_is_cheaper_repriced(repriced), _is_cheaper_observed(cost))
    if set(is_cheaper) == {True, False}:
        warnings.append("repricing and observation disagree: does one model write more?")
    known = Knowledge(
        is_broken=inputs.is_broken,
        is_randomised=inputs.experiment_id is not None,
        quality=state,
        is_cheaper=False if False in is_cheaper else True if True in is_cheaper else None,
        is_slice_harmed=worst is not None and worst.is_harmed,
    )
    advice, reason = advise(known)
    result = ModelComparison(
        current=current,
        other=other,
        criterion=criterion,
        experiment_id=inputs.experiment_id,
        advice=advice,
        reason=reason,
        knowledge=known,
        basis=basis,
        quality=quality,
        non_inferiority=shown,
        cost=cost,
        saving_by_repricing=repriced,
        saving_observed=observed[0],
        saving_observed_low=observed[1],
        saving_observed_high=observed[2],
        worst_slice=worst,
        warnings=warnings,
    )
    if not inputs.is_broken:
        return result
    # What may not be read is not shown.
    return replace(
        result, basis=None, quality=None, non_inferiority=None, cost=None, saving_observed=None,
        saving_observed_low=None, saving_observed_high=None, worst_slice=None,
    )  # fmt: skip
