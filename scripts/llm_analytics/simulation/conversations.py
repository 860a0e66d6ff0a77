"""What happens inside sessions: interactions one after the other, each shaping the next.

All sessions advance together, one interaction per step, so that a step is a few array operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import texts
from .incidents import DAY_MS, Effects
from .parameters import Parameters
from .population import SIGN_UP_MS, Window
from .randomness import Bools, Columns, Floats, Integers, Randomness, choose, stack

#: How an interaction ended; the order is that of their precedence.
NORMAL, SLOW, NEGATIVE, ERROR, UNANSWERED = range(5)
#: Kinds of a query; the last two are sent as `new`.
NEW, REGENERATE, EDIT, CLARIFICATION, SIMILAR = range(5)
#: Status of an attempt; NO_CALL where there was none.
NO_CALL, SUCCESS = -1, 0
STATUSES = ("success", "error", "timeout", "malformed", "filtered")

#: Milliseconds between a query and the start of its first call, and before a retry.
OVERHEAD_MS = 120
BACKOFF_MS = 1_000
#: Think time leaves room for the feedback, which comes within this time of the answer.
FEEDBACK_WITHIN_MS = 18_000


@dataclass(frozen=True)
class FeatureUse:
    """Per session: which advanced features are adopted in it, and which were before."""

    adopts: Bools
    has_adopted: Bools


def feature_use(
    parameters: Parameters, randomness: Randomness, sessions: Columns, n_users: int, window: Window
) -> FeatureUse:
    """When each user adopts each advanced feature: geometric in sessions from its release on."""
    n_sessions, features = len(sessions["user"]), parameters.features
    adopts = np.zeros((n_sessions, len(features)), dtype=np.bool_)
    has_adopted = np.zeros_like(adopts)
    user = sessions["user"]
    for number, feature in enumerate(features):
        if not feature.is_advanced:
            continue
        wait = randomness.stream(f"adoption {feature.name}").geometric(
            feature.adoption_hazard, n_users
        )
        is_released = sessions["started_at"] >= window.moment(feature.released_at)
        running = np.cumsum(is_released)
        before = np.zeros(n_users, dtype=np.int64)
        is_first = np.ones(n_sessions, dtype=np.bool_)
        is_first[1:] = user[1:] != user[:-1]
        before[user[is_first]] = running[is_first] - is_released[is_first]
        rank = running - before[user]
        usable = is_released & ~sessions["is_plain"]
        adopts[:, number] = usable & (rank == wait[user])
        has_adopted[:, number] = usable & (rank > wait[user])
    return FeatureUse(adopts, has_adopted)


def simulate_interactions(
    parameters: Parameters,
    randomness: Randomness,
    users: Columns,
    sessions: Columns,
    features: FeatureUse,
    forced_model: Integers,
    window: Window,
    effects: Effects,
) -> Columns:
    """One row per interaction, ordered by step; times are epoch milliseconds."""
    rng = randomness.stream("interactions")
    simulation = _Step(parameters, rng, sessions, features, forced_model, window, effects)
    stop = np.array([kind.stop_hazard for kind in parameters.user_types])[users["type"]]
    stop_hazard = stop[sessions["user"]]

    n_sessions = len(sessions["user"])
    state: Columns = {
        "session": np.arange(n_sessions, dtype=np.int64),
        "asked_at": sessions["started_at"] + np.where(sessions["number"] == 0, SIGN_UP_MS, 0),
        "conversation": np.full(n_sessions, -1, dtype=np.int64),
        "conversation_turn": np.zeros(n_sessions, dtype=np.int64),
        "kind": np.zeros(n_sessions, dtype=np.int64),
        "is_new_conversation": np.ones(n_sessions, dtype=np.bool_),
        "feature": np.zeros(n_sessions, dtype=np.int64),
        "model": np.zeros(n_sessions, dtype=np.int64),
        **{part: rng.integers(0, 48, n_sessions) for part in _TEXT_PARTS[1:4]},
        "opener": rng.integers(0, len(texts.OPENERS), n_sessions),
        "rewording": np.zeros(n_sessions, dtype=np.int64),
    }
    done: list[Columns] = []
    for turn in range(1, parameters.max_turns + 1):
        simulation.open_conversations(state)
        simulation.word(state)
        batch = simulation.answer(state, turn)
        goes_on = simulation.proceed(state, batch, stop_hazard, turn)
        batch["is_last"] = ~goes_on
        done.append(batch)
        state = {name: values[goes_on] for name, values in state.items()}
        if not len(state["session"]):
            break
    return stack(done)


_TEXT_PARTS = ("opener", "task", "subject", "detail", "rewording")


class _Step:
    """The rules of one step; it holds what they need and changes only the state given to it."""

    def __init__(
        self,
        parameters: Parameters,
        rng: np.random.Generator,
        sessions: Columns,
        features: FeatureUse,
        forced_model: Integers,
        window: Window,
        effects: Effects,
    ) -> None:
        self.parameters, self.rng, self.sessions = parameters, rng, sessions
        self.features, self.forced_model = features, forced_model
        self.window, self.effects = window, effects
        self.error_weights = [weight for _, weight in parameters.error_statuses]
        self.error_codes = np.array(
            [STATUSES.index(name) for name, _ in parameters.error_statuses], dtype=np.int8
        )

    def open_conversations(self, state: Columns) -> None:
        """Give those that open a conversation its feature and model."""
        rows = np.nonzero(state["is_new_conversation"])[0]
        session = state["session"][rows]
        state["conversation"][rows] += 1
        state["conversation_turn"][rows] = 0
        state["kind"][rows] = NEW
        state["feature"][rows] = self._choose_features(session, state["conversation"][rows] == 0)
        forced = self.forced_model[session]
        drawn = self._choose_models(state["asked_at"][rows])
        state["model"][rows] = np.where(forced >= 0, forced, drawn)
        state["conversation_turn"] += 1

    def _choose_features(self, session: Integers, is_first: Bools) -> Integers:
        basic = [feature.usage * (not feature.is_advanced) for feature in self.parameters.features]
        chosen = choose(self.rng, basic, len(session))
        for number, feature in enumerate(self.parameters.features):
            if feature.is_advanced:
                uses = self.rng.random(len(session)) < feature.usage
                chosen[self.features.has_adopted[session, number] & uses] = number
        for number in range(len(self.parameters.features)):
            chosen[self.features.adopts[session, number] & is_first] = number
        chosen[self.sessions["is_plain"][session]] = 0
        return chosen

    def _choose_models(self, times: Integers) -> Integers:
        eras = self.parameters.model_eras
        starts = np.array([np.datetime64(era.valid_from, "ms").astype(np.int64) for era in eras])
        era_of = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
        drawn = self.rng.random(len(times))
        chosen = np.zeros(len(times), dtype=np.int64)
        for number, era in enumerate(eras):
            rows = era_of == number
            edges = np.cumsum([weight for _, weight in era.weights])
            index = np.searchsorted(edges, drawn[rows] * edges[-1], side="right")
            models = np.array([self.parameters.model_index(name) for name, _ in era.weights])
            chosen[rows] = models[np.minimum(index, len(models) - 1)]
        return chosen

    def word(self, state: Columns) -> None:
        """Choose the words of each query: a new text, the same again, or one word changed."""
        n, kind = len(state["kind"]), state["kind"]
        pools = (texts.OPENERS, texts.TASKS, texts.SUBJECTS, texts.DETAILS)
        is_fresh = (kind == NEW) | (kind == CLARIFICATION)
        for part, pool in zip(_TEXT_PARTS, pools, strict=False):
            n_seconds = texts.SECOND_WORDS if part != "opener" else 1
            n_firsts = len(pool) // n_seconds
            first, second = np.divmod(state[part], n_seconds)
            # Other words than in the text before, in both places.
            first = (first + self.rng.integers(1, n_firsts, n)) % n_firsts
            if n_seconds > 1:
                second = (second + self.rng.integers(1, n_seconds, n)) % n_seconds
            state[part] = np.where(is_fresh, first * n_seconds + second, state[part])
        # Another last word than before: 0 (none) for a fresh text, else one of the others.
        shift = self.rng.integers(1, len(texts.REWORDINGS) - 1, n)
        reworded = (state["rewording"] - 1 + shift) % (len(texts.REWORDINGS) - 1) + 1
        is_reworded = (kind == EDIT) | (kind == SIMILAR)
        state["rewording"] = np.where(
            is_fresh, 0, np.where(is_reworded, reworded, state["rewording"])
        )

    def answer(self, state: Columns, turn: int) -> Columns:
        """Serve each query: attempts, latency, quality and the thumb, and how it ended."""
        parameters, rng, feedback = self.parameters, self.rng, self.parameters.feedback
        asked_at, n = state["asked_at"], len(state["asked_at"])
        is_down = self.effects.during(asked_at, lambda incident: incident.is_down)
        error_rate = parameters.attempt_error_rate + self.effects.value(
            asked_at, "added_error_rate", 0.0
        )
        error_rate[is_down] = 1.0
        is_silent = rng.random(n) < parameters.unanswered_rate

        median = np.array([model.median_latency_ms for model in parameters.models])[state["model"]]
        sigma = np.array([model.latency_sigma for model in parameters.models])[state["model"]]
        is_agent = self._is_agent(state["feature"])
        median = median * np.where(is_agent, parameters.agent_latency_factor, 1.0)
        median *= self.effects.value(asked_at, "latency_factor", 1.0)

        batch: Columns = {
            **{name: values.copy() for name, values in state.items()},
            "turn": np.full(n, turn, dtype=np.int64),
        }
        n_attempts = np.zeros(n, dtype=np.int64)
        ended_at = asked_at + OVERHEAD_MS - BACKOFF_MS
        is_tried = ~is_silent
        succeeded = np.zeros(n, dtype=np.bool_)
        normal = np.zeros(n)
        answer_latency = np.zeros(n, dtype=np.int64)
        for attempt in range(1, parameters.max_attempts + 1):
            fails = rng.random(n) < error_rate
            status = np.where(fails, self.error_codes[choose(rng, self.error_weights, n)], SUCCESS)
            drawn = rng.standard_normal(n)
            latency = self._latency(status, median, sigma, drawn)
            ended_at = np.where(is_tried, ended_at + BACKOFF_MS + latency, ended_at)
            batch[f"status_{attempt}"] = np.where(is_tried, status, NO_CALL).astype(np.int8)
            batch[f"latency_{attempt}"] = np.where(is_tried, latency, 0)
            batch[f"ended_at_{attempt}"] = ended_at
            n_attempts += is_tried
            answers = is_tried & ~fails
            succeeded |= answers
            normal = np.where(answers, drawn, normal)
            answer_latency = np.where(answers, latency, answer_latency)
            is_tried = is_tried & fails & (rng.random(n) < parameters.retry_rate)

        accuracy = np.array([model.accuracy for model in parameters.models])[state["model"]]
        is_correct = rng.random(n) < accuracy
        satisfied_rate = np.where(
            is_correct, feedback.satisfied_if_correct, feedback.satisfied_if_incorrect
        ) * self.effects.value(asked_at, "satisfaction_factor", 1.0)
        is_satisfied = rng.random(n) < satisfied_rate
        complaint_factor = self.effects.value(asked_at, "complaint_factor", 1.0)
        vote_rate = np.where(
            is_satisfied,
            feedback.vote_rate_satisfied,
            np.minimum(feedback.vote_rate_unsatisfied * complaint_factor, 1.0),
        )
        votes = succeeded & (rng.random(n) < vote_rate)
        up_rate = np.where(is_satisfied, feedback.up_if_satisfied, feedback.up_if_unsatisfied)
        is_up = rng.random(n) < up_rate
        is_retracted = votes & (rng.random(n) < feedback.retract_rate)
        is_revoted = is_retracted & (rng.random(n) < feedback.revote_rate)
        stands_down = votes & np.where(is_retracted, is_revoted & is_up, ~is_up)

        end_state = np.full(n, NORMAL, dtype=np.int8)
        end_state[answer_latency > parameters.slow_after_ms] = SLOW
        end_state[stands_down] = NEGATIVE
        end_state[~succeeded] = ERROR
        end_state[is_silent] = UNANSWERED
        batch.update(
            n_attempts=n_attempts,
            answered_at=np.where(is_silent, asked_at + 30_000, ended_at),
            is_answered=succeeded,
            is_agent=is_agent & ~is_silent,
            latency_normal=normal,
            is_correct=is_correct,
            is_satisfied=is_satisfied,
            votes=votes,
            is_up=is_up,
            is_retracted=is_retracted,
            is_revoted=is_revoted,
            complaint_factor=complaint_factor,
            end_state=end_state,
        )
        return batch

    def _is_agent(self, feature: Integers) -> Bools:
        names = [feature.name == "agent" for feature in self.parameters.features]
        return np.array(names, dtype=np.bool_)[feature]

    def _latency(
        self,
        status: Integers,
        median: Floats,
        sigma: Floats,
        drawn: Floats,
    ) -> Integers:
        """Milliseconds of an attempt: errors are quick, timeouts long, the rest log-normal."""
        cap = self.parameters.max_latency_ms
        latency = np.minimum(np.rint(median * np.exp(sigma * drawn)), cap).astype(np.int64)
        quick = self.rng.integers(150, 1_500, len(status))
        latency = np.where(
            (status == STATUSES.index("error")) | (status == STATUSES.index("filtered")),
            quick,
            latency,
        )
        return np.where(status == STATUSES.index("timeout"), self.parameters.timeout_ms, latency)

    def proceed(
        self,
        state: Columns,
        batch: Columns,
        stop_hazard: Floats,
        turn: int,
    ) -> Bools:
        """Decide which sessions go on, and change the state of all to the next query's."""
        parameters, rng = self.parameters, self.rng
        n, end_state, session = len(state["session"]), batch["end_state"], state["session"]
        added = np.array(
            [
                0.0,
                parameters.stop_after_slow,
                parameters.stop_after_negative,
                parameters.stop_after_error,
                parameters.stop_after_unanswered,
            ]
        )[end_state]
        incident = self.effects.value(batch["asked_at"], "added_stop_hazard", 0.0)
        goes_on = rng.random(n) < (1 - stop_hazard[session]) * (1 - added) * (1 - incident)

        refine_rate = np.array(
            [
                parameters.refine_after_normal,
                parameters.refine_after_slow,
                parameters.refine_after_negative,
                parameters.refine_after_failure,
                parameters.refine_after_failure,
            ]
        )[end_state] + self.effects.value(batch["asked_at"], "added_refinement_rate", 0.0)
        opens = rng.random(n) < parameters.new_conversation_rate
        refines = ~opens & (rng.random(n) < refine_rate)
        kinds = 1 + choose(rng, [weight for _, weight in parameters.refinement_kinds], n)
        think = parameters.think_median_seconds * np.exp(
            parameters.think_sigma * rng.standard_normal(n)
        )
        longest = np.where(refines, 120.0, parameters.max_think_minutes * 60)
        think_ms = (np.clip(think, 20.0, longest) * 1_000).astype(np.int64)
        state["asked_at"] = batch["answered_at"] + think_ms
        state["is_new_conversation"] = opens
        state["kind"] = np.where(refines, kinds, NEW)

        elapsed = state["asked_at"] - self.sessions["started_at"][session]
        is_in_time = elapsed < parameters.max_session_minutes * 60_000
        is_in_window = state["asked_at"] < self.window.end_ms - DAY_MS // 96
        result: Bools = goes_on & is_in_time & is_in_window & (turn < parameters.max_turns)
        return result


def conversation_numbers(interactions: Columns) -> Integers:
    """A number for the conversation of each interaction, distinct over sessions."""
    return interactions["session"] * 64 + interactions["conversation"]


def text_lengths(interactions: Columns) -> Integers:
    """Length of each query's text in characters."""
    pools = (texts.OPENERS, texts.TASKS, texts.SUBJECTS, texts.DETAILS, texts.REWORDINGS)
    total = np.full(len(interactions["session"]), 3, dtype=np.int64)
    for part, pool in zip(_TEXT_PARTS, pools, strict=True):
        total += texts.lengths(pool)[interactions[part]]
    return total
