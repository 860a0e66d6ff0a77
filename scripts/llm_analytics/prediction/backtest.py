"""The model against the past: trained on what was known at a cut-off, tested on what came after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.prediction.features import (
    WINDOW_DAYS,
    Example,
    churn_examples,
    outcomes,
    satisfaction_examples,
)
from llm_analytics.warehouse import Warehouse

Floats = NDArray[np.float64]

#: With fewer examples of either outcome there is nothing to learn or to calibrate.
LEAST_OF_EACH = 20
_STEP_DAYS = 7
_FOLDS = 5
_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Of a calibration table: what was predicted on average, and what came."""

    n: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Score:
    """Predictions against outcomes; Brier scores are mean squares, lower is better.

    `naive` predicts for everybody the rate that was seen in training. `skill` is 1 - brier / naive,
    and `gain` naive - brier with its interval, users as clusters. `auc` is None with one outcome.
    """

    cutoff: date | None
    n_train: int
    n: int
    rate: float
    brier: float
    naive: float
    skill: float
    gain_low: float
    gain_high: float
    auc: float | None

    @property
    def verdict(self) -> str:
        """Better or worse than naive, or not shown to be better."""
        if self.gain_low > 0:
            return "better"
        return "worse" if self.skill <= 0 else "not shown"


@dataclass(frozen=True)
class Backtest:
    """Scores of each cut-off and of all together, and how well the chances are calibrated."""

    target: str
    cutoffs: list[Score]
    total: Score
    calibration: list[Bin]


def _sklearn(module: str) -> Any:
    """A part of the extra. Raises LlmAnalyticsError without it."""
    try:
        return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise LlmAnalyticsError(
            "predictions need the extra `predict`: pip install 'llm-analytics[predict]'"
        ) from error


Predict = Callable[[Sequence[Example]], Floats]


def fit(examples: Sequence[Example]) -> Predict:
    """A logistic regression on standardised features, calibrated on users that it did not see.

    Calibration as Platt (1999), averaged over folds of users. Raises LlmAnalyticsError with too few
    examples of either outcome.
    """
    labels = np.array(outcomes(examples), dtype=np.int64)
    if min(labels.sum(), len(labels) - labels.sum()) < LEAST_OF_EACH:
        raise LlmAnalyticsError(
            f"too little to learn from: {labels.sum()} of {len(labels)} with the outcome,"
            f" where {LEAST_OF_EACH} with and without it are needed"
        )
    vectors = _sklearn("feature_extraction").DictVectorizer(sparse=False)
    x = vectors.fit_transform([one.features for one in examples])
    model = _sklearn("pipeline").make_pipeline(
        _sklearn("preprocessing").StandardScaler(),
        _sklearn("linear_model").LogisticRegression(max_iter=1000),
    )
    selection = _sklearn("model_selection")
    folds = list(
        selection.StratifiedGroupKFold(_FOLDS).split(x, labels, [one.user_id for one in examples])
    )
    calibrated = _sklearn("calibration").CalibratedClassifierCV(model, method="sigmoid", cv=folds)
    calibrated.fit(x, labels)

    def predict(given: Sequence[Example]) -> Floats:
        if not given:
            return np.zeros(0)
        found = calibrated.predict_proba(vectors.transform([one.features for one in given]))
        return np.asarray(found[:, 1], dtype=np.float64)

    return predict


def score(
    examples: Sequence[Example],
    predicted: Floats,
    naive: Floats,
    n_train: int,
    cutoff: date | None,
) -> Score:
    """What predictions are worth beside naive ones."""
    y = np.array(outcomes(examples), dtype=np.float64)
    gains = (naive - y) ** 2 - (predicted - y) ** 2
    by_user: dict[str, float] = defaultdict(float)
    for one, gain in zip(examples, gains, strict=True):
        by_user[one.user_id] += gain - float(gains.mean())
    half = 1.96 * float(np.sqrt(sum(value**2 for value in by_user.values()))) / len(y)
    brier, plain = float(((predicted - y) ** 2).mean()), float(((naive - y) ** 2).mean())
    is_mixed = 0 < y.sum() < len(y)
    auc = float(_sklearn("metrics").roc_auc_score(y, predicted)) if is_mixed else None
    return Score(
        cutoff, n_train, len(y), float(y.mean()), brier, plain,
        1 - brier / plain if plain > 0 else 0.0,
        plain - brier - half, plain - brier + half, auc,
    )  # fmt: skip


def calibration_table(predicted: Floats, happened: Floats) -> list[Bin]:
    """Ten groups of equal size by what was predicted (fewer where predictions are fewer)."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, min(_BINS, len(order) or 1)) if len(part)]
    return [
        Bin(len(part), float(predicted[part].mean()), float(happened[part].mean()))
        for part in parts
    ]


@dataclass(frozen=True)
class Target:
    """Something to predict: what could be learnt by a date, and what came after it."""

    name: str
    known_by: Callable[[Warehouse, date], list[Example]]
    after: Callable[[Warehouse, date], list[Example]]


def _churn_known_by(warehouse: Warehouse, day: date) -> list[Example]:
    """Examples of every seventh day whose outcome was complete on `day`."""
    found: list[Example] = []
    for weeks in range(26):
        earlier = day - timedelta(days=WINDOW_DAYS + _STEP_DAYS * weeks)
        examples = churn_examples(warehouse, earlier, with_outcome=True)
        if not examples:
            break
        found += examples
    return found


TARGETS = {
    "churn": Target(
        "churn", _churn_known_by,
        lambda warehouse, day: churn_examples(warehouse, day, with_outcome=True),
    ),
    "satisfaction": Target(
        "satisfaction",
        lambda warehouse, day: satisfaction_examples(
            warehouse, day - timedelta(days=182), day, known_on=day
        ),
        lambda warehouse, day: satisfaction_examples(
            warehouse, day + timedelta(days=1), day + timedelta(days=WINDOW_DAYS),
            known_on=day + timedelta(days=WINDOW_DAYS),
        ),
    ),
}  # fmt: skip


def backtest(warehouse: Warehouse, target: Target, last: date, n_cutoffs: int) -> Backtest:
    """Tests at cut-offs 28 days apart, the last 28 days before the last complete date.

    A cut-off before which there is too little to learn from ends the test; raises LlmAnalyticsError
    if that is the last one.
    """
    scores: list[Score] = []
    tested: list[tuple[list[Example], Floats, Floats]] = []
    for number in range(1, n_cutoffs + 1):
        cutoff = last - timedelta(days=WINDOW_DAYS * number)
        known = target.known_by(warehouse, cutoff)
        try:
            predict = fit(known)
        except LlmAnalyticsError:
            if not scores:
                raise
            break
        later = target.after(warehouse, cutoff)
        if not later:
            continue
        predicted = predict(later)
        naive = np.full(len(later), float(np.mean(outcomes(known))))
        scores.append(score(later, predicted, naive, len(known), cutoff))
        tested.append((later, predicted, naive))
    if not tested:
        raise LlmAnalyticsError(f"nothing to test {target.name} on after the last cut-off")
    examples = [one for part in tested for one in part[0]]
    predicted, naive = (np.concatenate([part[i] for part in tested]) for i in (1, 2))
    total = score(examples, predicted, naive, max(one.n_train for one in scores), None)
    happened = np.array(outcomes(examples), dtype=np.float64)
    return Backtest(target.name, scores, total, calibration_table(predicted, happened))
