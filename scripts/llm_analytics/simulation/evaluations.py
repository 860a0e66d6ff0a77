"""Scores that humans and a judge give to samples of the answers, with errors of known size."""

from __future__ import annotations

import numpy as np

from .calls import eligible
from .parameters import Parameters
from .population import Window
from .randomness import Bools, Columns, Floats, Integers, Randomness, stack

CRITERIA = ("accuracy", "hallucination", "relevance")
LABELS = ("correct", "incorrect", "not_verifiable", "supported", "unsupported")
HUMAN, JUDGE = range(2)
KINDS = ("human", "judge")
JUDGE_ID = "judge-gpt-4o"
NO_SCORE = -1.0


def hallucinations(parameters: Parameters, randomness: Randomness, interactions: Columns) -> Bools:
    """Which answers hold an unsupported claim."""
    rules = parameters.evaluation
    drawn = randomness.stream("hallucinations").random(len(interactions["is_correct"]))
    result: Bools = drawn < np.where(
        interactions["is_correct"],
        rules.hallucination_if_correct,
        rules.hallucination_if_incorrect,
    )
    return result


def simulate_evaluations(
    parameters: Parameters,
    randomness: Randomness,
    interactions: Columns,
    calls: Columns,
    window: Window,
) -> Columns:
    """One row per score: call, criterion, kind, rater, score, label, timestamp.

    Humans score days later, the judge within minutes; what would fall after the window is left
    out, whatever its content.
    """
    rng, rules = randomness.stream("evaluations"), parameters.evaluation
    answers = np.nonzero(eligible(calls, interactions))[0]
    is_hallucinated = hallucinations(parameters, randomness, interactions)
    sampled = answers[rng.random(len(answers)) < rules.human_rate]
    first = rng.integers(0, rules.n_human_raters, len(sampled))
    second = (first + rng.integers(1, rules.n_human_raters, len(sampled))) % rules.n_human_raters
    twice = rng.random(len(sampled)) < rules.double_rate
    judged = answers[rng.random(len(answers)) < rules.judge_rate]
    parts = []
    for calls_rated, rater, kind in (
        (sampled, first, HUMAN),
        (sampled[twice], second[twice], HUMAN),
        (judged, np.zeros(len(judged), dtype=np.int64), JUDGE),
    ):
        row = calls["interaction"][calls_rated]
        n = len(row)
        if kind == HUMAN:
            delay = rng.integers(6 * 3_600_000, 5 * 86_400_000, n)
        else:
            delay = rng.integers(60_000, 1_800_000, n)
        at = calls["timestamp"][calls_rated] + delay
        scores = (
            _accuracy(parameters, rng, interactions["is_correct"][row], kind),
            _hallucination(parameters, rng, is_hallucinated[row], kind),
            _relevance(parameters, rng, interactions["is_correct"][row]),
        )
        for criterion, (score, label) in enumerate(scores):
            parts.append(
                {
                    "call": calls_rated,
                    "rater": rater,
                    "kind": np.full(n, kind, dtype=np.int64),
                    "criterion": np.full(n, criterion, dtype=np.int64),
                    "score": score,
                    "label": label,
                    "timestamp": at + criterion,
                }
            )
    table = stack(parts)
    keep = table["timestamp"] < window.end_ms
    return {name: values[keep] for name, values in table.items()}


def _accuracy(
    parameters: Parameters, rng: np.random.Generator, is_correct: Bools, kind: int
) -> tuple[Floats, Integers]:
    rules, n = parameters.evaluation, len(is_correct)
    sensitivity = rules.human_sensitivity if kind == HUMAN else rules.judge_sensitivity
    specificity = rules.human_specificity if kind == HUMAN else rules.judge_specificity
    says_correct = rng.random(n) < np.where(is_correct, sensitivity, 1 - specificity)
    label = np.where(says_correct, LABELS.index("correct"), LABELS.index("incorrect"))
    unknown = rng.random(n) < rules.not_verifiable_rate
    label = np.where(unknown, LABELS.index("not_verifiable"), label)
    return np.where(unknown, NO_SCORE, says_correct.astype(np.float64)), label


def _hallucination(
    parameters: Parameters, rng: np.random.Generator, is_hallucinated: Bools, kind: int
) -> tuple[Floats, Integers]:
    rules, n = parameters.evaluation, len(is_hallucinated)
    human = (rules.human_sensitivity, rules.human_specificity)
    judge = (rules.hallucination_judge_sensitivity, rules.hallucination_judge_specificity)
    sensitivity, specificity = human if kind == HUMAN else judge
    finds = rng.random(n) < np.where(is_hallucinated, sensitivity, 1 - specificity)
    label = np.where(finds, LABELS.index("unsupported"), LABELS.index("supported"))
    return (~finds).astype(np.float64), label


def _relevance(
    parameters: Parameters, rng: np.random.Generator, is_correct: Bools
) -> tuple[Floats, Integers]:
    rules, n = parameters.evaluation, len(is_correct)
    mean = np.where(is_correct, rules.relevance_mean_correct, rules.relevance_mean_incorrect)
    score = np.clip(mean + rules.relevance_sd * rng.standard_normal(n), 0.0, 1.0)
    return np.round(score, 3), np.full(n, -1, dtype=np.int64)
