"""What is true of the simulated product: rates that follow from its parameters alone."""

from __future__ import annotations

import math
from typing import Any

from .parameters import Evaluation, Feedback, ModelProfile, Parameters, UserType

#: Standard normal quantiles of the reported latency percentiles.
_Z = {"p50": 0.0, "p95": 1.6448536269514722, "p99": 2.3263478740408408}
RETENTION_DAYS = (1, 3, 7, 14, 30)


def planted(parameters: Parameters) -> dict[str, Any]:
    """Expected values of metrics, outside of incidents and for users who are not excluded."""
    return {
        "retention": _retention(parameters),
        "activation_rate": _product(rate for _, rate in parameters.activation_steps),
        "attempt_error_rate": parameters.attempt_error_rate,
        "unanswered_rate": parameters.unanswered_rate,
        "user_error_rate": user_error_rate(parameters),
        "models": {model.name: _model(parameters, model) for model in parameters.models},
        "refinement_rate_by_previous_end_state": {
            "normal": parameters.refine_after_normal * (1 - parameters.new_conversation_rate),
            "slow": parameters.refine_after_slow * (1 - parameters.new_conversation_rate),
            "negative_feedback": parameters.refine_after_negative
            * (1 - parameters.new_conversation_rate),
            "error": parameters.refine_after_failure * (1 - parameters.new_conversation_rate),
            "unanswered": parameters.refine_after_failure * (1 - parameters.new_conversation_rate),
        },
        "refinement_kinds": dict(parameters.refinement_kinds),
        "new_conversation_rate": parameters.new_conversation_rate,
        "goal_rate_by_end_state": _by_state(parameters, goal=True),
        "session_stop_rate": {
            kind.name: {
                state: 1 - (1 - kind.stop_hazard) * (1 - added)
                for state, added in _by_state(parameters, goal=False).items()
            }
            for kind in parameters.user_types
        },
        "abandonment_rate": {
            kind.name: {
                state: (1 - (1 - kind.stop_hazard) * (1 - added)) * (1 - goal)
                for (state, added), goal in zip(
                    _by_state(parameters, goal=False).items(),
                    _by_state(parameters, goal=True).values(),
                    strict=True,
                )
            }
            for kind in parameters.user_types
        },
        "feature_adoption_hazard_per_session": {
            feature.name: feature.adoption_hazard
            for feature in parameters.features
            if feature.is_advanced
        },
        "nps": _nps(parameters.feedback),
        "csat": _csat(parameters.feedback),
        "purchase_hazard_per_session": {
            kind.name: kind.purchase_hazard for kind in parameters.user_types
        },
        "refund_rate": parameters.refund_rate,
    }


def _product(values: Any) -> float:
    result = 1.0
    for value in values:
        result *= value
    return result


def included(parameters: Parameters) -> list[tuple[UserType, float]]:
    """User types that count in user metrics, with their shares among these."""
    kinds = [kind for kind in parameters.user_types if kind.excluded_by is None]
    total = sum(kind.share for kind in kinds)
    return [(kind, kind.share / total) for kind in kinds]


def _retention(parameters: Parameters) -> dict[str, float]:
    """P(active on day N after the first): alive for N days, and active on that day."""
    return {
        f"day_{n}": sum(
            share * (1 - kind.daily_churn) ** n * kind.active_day_rate
            for kind, share in included(parameters)
        )
        for n in RETENTION_DAYS
    }


def user_error_rate(parameters: Parameters) -> float:
    """P(a query gets no successful answer): no call, or every attempt fails."""
    fails, retry = parameters.attempt_error_rate, parameters.retry_rate
    failure = fails
    for _ in range(parameters.max_attempts - 1):
        failure = fails * ((1 - retry) + retry * failure)
    return parameters.unanswered_rate + (1 - parameters.unanswered_rate) * failure


def _model(parameters: Parameters, model: ModelProfile) -> dict[str, Any]:
    rules, evaluation, accuracy = parameters.feedback, parameters.evaluation, model.accuracy
    satisfied = (
        accuracy * rules.satisfied_if_correct + (1 - accuracy) * rules.satisfied_if_incorrect
    )
    latency = {
        kind: {
            name: model.median_latency_ms * factor * math.exp(model.latency_sigma * z)
            for name, z in _Z.items()
        }
        for kind, factor in (("answer", 1.0), ("agent", parameters.agent_latency_factor))
    }
    hallucination = (
        accuracy * evaluation.hallucination_if_correct
        + (1 - accuracy) * evaluation.hallucination_if_incorrect
    )
    return {
        "accuracy": accuracy,
        "accuracy_by_humans": _apparent(
            accuracy, evaluation.human_sensitivity, evaluation.human_specificity
        ),
        "accuracy_by_judge": _apparent(
            accuracy, evaluation.judge_sensitivity, evaluation.judge_specificity
        ),
        "kappa_of_two_humans": _kappa(accuracy, evaluation),
        "hallucination_rate": hallucination,
        "hallucination_rate_by_humans": _apparent(
            hallucination, evaluation.human_sensitivity, evaluation.human_specificity
        ),
        "hallucination_rate_by_judge": _apparent(
            hallucination,
            evaluation.hallucination_judge_sensitivity,
            evaluation.hallucination_judge_specificity,
        ),
        "satisfied_rate": satisfied,
        **_thumbs(rules, satisfied),
        "copy_rate": _mix(satisfied, rules.copy_rate_satisfied, rules.copy_rate_unsatisfied),
        "share_rate": _mix(satisfied, rules.share_rate_satisfied, rules.share_rate_unsatisfied),
        "star_mean": _mix(
            satisfied, _mean(rules.stars_satisfied, 1), _mean(rules.stars_unsatisfied, 1)
        ),
        "latency_ms": latency,
    }


def _thumbs(rules: Feedback, satisfied: float) -> dict[str, float]:
    """Votes that stand in the end, after retractions and second votes."""
    votes = _mix(satisfied, rules.vote_rate_satisfied, rules.vote_rate_unsatisfied)
    ups = _mix(
        satisfied,
        rules.vote_rate_satisfied * rules.up_if_satisfied,
        rules.vote_rate_unsatisfied * rules.up_if_unsatisfied,
    )
    downs, stays = votes - ups, 1 - rules.retract_rate
    turns = rules.retract_rate * rules.revote_rate
    up, down = ups * stays + downs * turns, downs * stays + ups * turns
    return {"thumbs_up_ratio": up / (up + down), "thumbs_response_rate": up + down}


def _nps(rules: Feedback) -> dict[str, float]:
    """Score as answered, and as it were if everyone answered (0 to 10; 9 and 10 promote)."""

    def score(weights: tuple[float, ...]) -> float:
        return 100 * (sum(weights[9:]) - sum(weights[:7])) / sum(weights)

    happy, unhappy = score(rules.nps_happy), score(rules.nps_unhappy)
    answers = _answering(
        rules.happy_rate, rules.nps_response_rate_happy, rules.nps_response_rate_unhappy
    )
    return {
        "observed": _mix(answers["happy_share"], happy, unhappy),
        "of_everyone": _mix(rules.happy_rate, happy, unhappy),
        "response_rate": answers["response_rate"],
    }


def _csat(rules: Feedback) -> dict[str, float]:
    """Share of the two best of five points, as answered and of everyone."""
    happy, unhappy = sum(rules.csat_happy[3:]), sum(rules.csat_unhappy[3:])
    answers = _answering(
        rules.happy_rate, rules.csat_response_rate_happy, rules.csat_response_rate_unhappy
    )
    return {
        "observed": _mix(answers["happy_share"], happy, unhappy),
        "of_everyone": _mix(rules.happy_rate, happy, unhappy),
        "response_rate": answers["response_rate"],
    }


def _answering(happy: float, if_happy: float, if_unhappy: float) -> dict[str, float]:
    rate = _mix(happy, if_happy, if_unhappy)
    return {"response_rate": rate, "happy_share": happy * if_happy / rate}


def _by_state(parameters: Parameters, *, goal: bool) -> dict[str, float]:
    if goal:
        return {
            "normal": parameters.goal_after_normal,
            "slow": parameters.goal_after_slow,
            "negative_feedback": parameters.goal_after_negative,
            "error": parameters.goal_after_failure,
            "unanswered": parameters.goal_after_failure,
        }
    return {
        "normal": 0.0,
        "slow": parameters.stop_after_slow,
        "negative_feedback": parameters.stop_after_negative,
        "error": parameters.stop_after_error,
        "unanswered": parameters.stop_after_unanswered,
    }


def _kappa(accuracy: float, rules: Evaluation) -> float:
    """Cohen's kappa of two humans who err independently of each other."""
    says = _apparent(accuracy, rules.human_sensitivity, rules.human_specificity)
    both = (
        accuracy * rules.human_sensitivity**2 + (1 - accuracy) * (1 - rules.human_specificity) ** 2
    )
    agreement = 1 - 2 * (says - both)
    by_chance = says**2 + (1 - says) ** 2
    return (agreement - by_chance) / (1 - by_chance)


def _apparent(rate: float, sensitivity: float, specificity: float) -> float:
    return rate * sensitivity + (1 - rate) * (1 - specificity)


def _mix(share: float, value: float, other: float) -> float:
    return share * value + (1 - share) * other


def _mean(weights: tuple[float, ...], first: int) -> float:
    total = sum(weights)
    return sum(weight * (first + i) for i, weight in enumerate(weights)) / total
