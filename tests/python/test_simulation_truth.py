"""What truth.json says is what the raw events show, counted here in plain Python.

Bounds are four standard errors of the planted rate; seeds and bounds were fixed before the first
run. Incidents and defects are off, but for the test that measures the rates of the defects.
"""

from __future__ import annotations

import collections
import datetime as dt
import functools
import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.simulation import Parameters, simulate

SEEDS = (1, 2, 3)
STANDARD_ERRORS = 4.0
N_USERS = 300

Event = dict[str, Any]


def read(folder: Path, stream: str) -> list[Event]:
    return [json.loads(line) for line in (folder / f"{stream}.jsonl").read_bytes().splitlines()]


def is_near(successes: int, trials: int, rate: float) -> bool:
    """Is a count within the bounds of a binomial; half a count is for its being whole."""
    error = STANDARD_ERRORS * math.sqrt(rate * (1 - rate) * trials) + 0.5
    return trials > 0 and abs(successes - rate * trials) <= error


def is_mean_near(values: list[float], mean: float) -> bool:
    """Is a sample mean within the bounds, with the sample's own variance."""
    n, average = len(values), sum(values) / len(values)
    variance = sum((value - average) ** 2 for value in values) / (n - 1)
    return abs(average - mean) <= STANDARD_ERRORS * math.sqrt(variance / n)


@dataclass
class Turn:
    """One interaction as the events show it."""

    query: Event
    calls: list[Event] = field(default_factory=list)
    votes: list[Event] = field(default_factory=list)

    @functools.cached_property
    def answer(self) -> Event | None:
        """The successful call that answered it."""
        good = [call for call in self.calls if call["status"] == "success"]
        return good[-1] if good else None

    @functools.cached_property
    def thumb(self) -> str | None:
        """The thumb that stands: "thumbs_up", "thumbs_down" or None."""
        last = max(self.votes, key=lambda vote: vote["timestamp"], default=None)
        return (
            None
            if last is None or last["feedback_type"] == "retracted"
            else str(last["feedback_type"])
        )

    @functools.cached_property
    def end_state(self) -> str:
        """How it ended, the worst first."""
        if not self.calls:
            return "unanswered"
        if self.answer is None:
            return "error"
        if self.thumb == "thumbs_down":
            return "negative_feedback"
        return "slow" if self.answer["latency_ms"] > 5000 else "normal"


class Product:
    """The events of one simulation, joined by their ids."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.truth = simulate(
            folder, N_USERS, 60, seed, with_incidents=False, with_defects=False
        ).truth
        self.planted = self.truth["planted"]
        queries, self.calls = read(folder, "queries"), read(folder, "responses")
        self.feedback = read(folder, "feedback")
        self.events = read(folder, "product_events")
        self.exposures = read(folder, "exposures")
        self.evaluations = read(folder, "evaluations")
        links = read(folder, "identities")
        n_links = collections.Counter(link["alias_id"] for link in links)
        self.owner = {
            link["alias_id"]: link["user_id"] for link in links if n_links[link["alias_id"]] == 1
        }
        traits = read(folder, "user_traits")
        self.excluded = {
            trait["user_id"] for trait in traits if trait["trait"] in ("is_internal", "is_bot")
        }
        self.queries = queries
        self.turns = {query["event_id"]: Turn(query) for query in queries if "event_id" in query}
        turn_of = {}
        for call in self.calls:
            if call.get("call_role") == "answer":
                turn = self.turns[call["query_id"]]
                turn.calls.append(call)
                turn_of[call["response_id"]] = turn
        for turn in self.turns.values():
            turn.calls.sort(key=lambda call: int(call["attempt_number"]))
        votes = ("thumbs_up", "thumbs_down", "retracted")
        for event in self.feedback:
            if event["feedback_type"] in votes and "response_id" in event:
                turn_of[event["response_id"]].votes.append(event)

    def user(self, event: Event) -> str:
        """The user of an event, anonymous ids resolved."""
        return str(event.get("user_id") or self.owner[event["anonymous_id"]])

    def answers_of(self, model: str) -> list[tuple[Turn, Event]]:
        """Answered interactions of a model, with their answers."""
        return self._answers[model]

    @functools.cached_property
    def _answers(self) -> dict[str, list[tuple[Turn, Event]]]:
        result: dict[str, list[tuple[Turn, Event]]] = collections.defaultdict(list)
        for turn in self.turns.values():
            if turn.answer is not None:
                result[turn.answer["response_model"]].append((turn, turn.answer))
        return result

    def sessions(self) -> Iterable[list[Turn]]:
        """Interactions of each session, in order."""
        by_session: dict[str, list[Turn]] = collections.defaultdict(list)
        for turn in self.turns.values():
            by_session[turn.query["session_id"]].append(turn)
        for turns in by_session.values():
            yield sorted(turns, key=lambda turn: int(turn.query["timestamp"]))


@pytest.fixture(scope="module", params=SEEDS)
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Product:
    return Product(tmp_path_factory.mktemp("product"), request.param)


def test_retention(product: Product) -> None:
    dates: dict[str, set[dt.date]] = collections.defaultdict(set)
    for query in product.queries:
        at = dt.datetime.fromtimestamp(query["timestamp"] / 1000, dt.UTC)
        dates[product.user(query)].add(at.date())
    last = dt.date.fromisoformat(product.truth["arguments"]["end"])
    for name, rate in product.planted["retention"].items():
        later = dt.timedelta(days=int(name.removeprefix("day_")))
        eligible = [
            days
            for user, days in dates.items()
            if user not in product.excluded and min(days) + later <= last
        ]
        returned = sum(min(days) + later in days for days in eligible)
        assert is_near(returned, len(eligible), rate), name


def test_activation(product: Product) -> None:
    names: dict[str, set[str]] = collections.defaultdict(set)
    for event in product.events:
        names[product.user(event)].add(event["name"])
    assert len(names) == N_USERS
    steps = {name for name, _ in Parameters().activation_steps}
    done = sum(steps <= of_user for of_user in names.values())
    assert is_near(done, N_USERS, product.planted["activation_rate"])


def test_failures_and_retries(product: Product) -> None:
    planted, turns = product.planted, list(product.turns.values())
    attempts = [call for turn in turns for call in turn.calls]
    failed = [call for call in attempts if call["status"] != "success"]
    assert is_near(len(failed), len(attempts), planted["attempt_error_rate"])
    unanswered = sum(not turn.calls for turn in turns)
    assert is_near(unanswered, len(turns), planted["unanswered_rate"])
    without = sum(turn.answer is None for turn in turns)
    assert is_near(without, len(turns), planted["user_error_rate"])
    for turn in turns:
        numbers = [call["attempt_number"] for call in turn.calls]
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(call["status"] != "success" for call in turn.calls[:-1])


def test_latency_of_each_model(product: Product) -> None:
    for model, planted in product.planted["models"].items():
        for kind, expected in planted["latency_ms"].items():
            latencies = [
                answer["latency_ms"]
                for turn, answer in product.answers_of(model)
                if (turn.query["feature"] == "agent") == (kind == "agent")
            ]
            for name, value in expected.items():
                below = sum(latency <= value for latency in latencies)
                share = int(name.removeprefix("p")) / 100
                assert not latencies or is_near(below, len(latencies), share), (model, kind, name)


def test_thumbs_copies_and_stars_of_each_model(product: Product) -> None:
    copied = {
        event["response_id"]
        for event in product.feedback
        if event["feedback_type"] == "copy" and "response_id" in event
    }
    stars: dict[str, list[float]] = collections.defaultdict(list)
    models = {call.get("response_id"): call.get("response_model") for call in product.calls}
    for event in product.feedback:
        if event["feedback_type"] == "rating" and "response_id" in event:
            stars[str(models[event["response_id"]])].append(event["feedback_score"])
    for model, planted in product.planted["models"].items():
        answers = product.answers_of(model)
        if not answers:
            continue
        thumbs = [turn.thumb for turn, _ in answers if turn.thumb]
        assert is_near(len(thumbs), len(answers), planted["thumbs_response_rate"]), model
        assert is_near(thumbs.count("thumbs_up"), len(thumbs), planted["thumbs_up_ratio"]), model
        n_copied = sum(answer["response_id"] in copied for _, answer in answers)
        assert is_near(n_copied, len(answers), planted["copy_rate"]), model
        assert is_mean_near(stars[model], planted["star_mean"]), model


def test_evaluations_err_as_stated(product: Product) -> None:
    models = {call.get("response_id"): call.get("response_model") for call in product.calls}
    verdicts: dict[tuple[str, str, str], list[bool]] = collections.defaultdict(list)
    for one in product.evaluations:
        if one["criterion"] != "relevance" and one["label"] != "not_verifiable":
            key = (str(models[one["response_id"]]), one["criterion"], one["evaluator_kind"])
            verdicts[key].append(one["label"] in ("correct", "unsupported"))
    metrics = {"accuracy": "accuracy", "hallucination": "hallucination_rate"}
    # Two humans rate some answers; that their verdicts go together widens no bound noticeably.
    for (model, criterion, kind), verdict in verdicts.items():
        who = "humans" if kind == "human" else "judge"
        rate = product.planted["models"][model][f"{metrics[criterion]}_by_{who}"]
        assert is_near(sum(verdict), len(verdict), rate), (model, criterion, kind)


def words(turn: Turn) -> set[str]:
    return set(turn.query["query_text"].lower().split())


def similarity(one: Turn, other: Turn) -> float:
    """Jaccard similarity of the word sets."""
    return len(words(one) & words(other)) / len(words(one) | words(other))


def test_refinements_follow_from_how_the_interaction_before_ended(product: Product) -> None:
    n_next: collections.Counter[str] = collections.Counter()
    n_refined: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    n_opened = 0
    for turns in product.sessions():
        for before, turn in itertools.pairwise(turns):
            query = turn.query
            kind = query["query_kind"]
            if kind == "new" and query.get("is_clarification"):
                kind = "clarification"
            if kind == "new" and similarity(before, turn) >= 0.6:
                kind = "similar"
            if kind in ("edit", "similar"):
                assert 0.8 <= similarity(before, turn) < 1
            if kind == "new":
                assert similarity(before, turn) < 0.4
            n_opened += query["conversation_id"] != before.query["conversation_id"]
            n_next[before.end_state] += 1
            if kind != "new":
                n_refined[before.end_state] += 1
                kinds[kind] += 1
    assert is_near(n_opened, n_next.total(), product.planted["new_conversation_rate"])
    planted = product.planted["refinement_rate_by_previous_end_state"]
    for state, rate in planted.items():
        assert is_near(n_refined[state], n_next[state], rate), state
    for kind, share in product.planted["refinement_kinds"].items():
        assert is_near(kinds[kind], sum(kinds.values()), share), kind


def test_goals_follow_from_how_the_session_ended(product: Product) -> None:
    goal = Parameters().goal
    reached = {event.get("session_id") for event in product.events if event.get("goal") == goal}
    n: collections.Counter[str] = collections.Counter()
    n_reached: collections.Counter[str] = collections.Counter()
    for turns in product.sessions():
        n[turns[-1].end_state] += 1
        n_reached[turns[-1].end_state] += turns[-1].query["session_id"] in reached
    for state, rate in product.planted["goal_rate_by_end_state"].items():
        assert is_near(n_reached[state], n[state], rate), state


def test_users_leave_the_sooner_the_worse_it_ended(product: Product) -> None:
    n: collections.Counter[str] = collections.Counter()
    n_last: collections.Counter[str] = collections.Counter()
    for turns in product.sessions():
        n.update(turn.end_state for turn in turns)
        n_last[turns[-1].end_state] += 1
    rates = [n_last[state] / n[state] for state in ("normal", "slow", "negative_feedback", "error")]
    assert rates == sorted(rates)
    hazards = product.planted["session_stop_rate"].values()
    least, most = (pick(of_type["normal"] for of_type in hazards) for pick in (min, max))
    assert least < rates[0] < most


def test_experiments_have_their_planted_goal_rates(product: Product) -> None:
    variants: dict[str, dict[str, str]] = collections.defaultdict(dict)
    for exposure in product.exposures:
        seen = variants[exposure["experiment_id"]]
        assert seen.setdefault(product.user(exposure), exposure["variant"]) == exposure["variant"]
    for experiment in product.truth["experiments"]:
        exposed = variants[experiment["name"]]
        counts = collections.Counter(exposed.values())
        assert is_near(counts["treatment"], len(exposed), 0.5), experiment["name"]
        if "goal" not in experiment:
            continue
        reached = {
            product.user(event)
            for event in product.events
            if event.get("goal") == experiment["goal"]
        }
        for variant, rate in experiment["goal_rate"].items():
            n = sum(exposed[user] == variant for user in reached)
            assert is_near(n, counts[variant], rate), (experiment["name"], variant)


def test_an_experiment_routes_its_conversations(product: Product) -> None:
    experiment = next(one for one in product.truth["experiments"] if "models" in one)
    variant = {
        product.user(exposure): exposure["variant"]
        for exposure in product.exposures
        if exposure["experiment_id"] == experiment["name"]
    }
    start, end = (
        dt.datetime.fromisoformat(experiment[edge]).timestamp() * 1000 for edge in ("start", "end")
    )
    routed = 0
    for turns in product.sessions():
        # A session over midnight goes on as it began.
        if start <= turns[0].query["timestamp"] < end:
            model = experiment["models"][variant[product.user(turns[0].query)]]
            for turn in turns:
                routed += len(turn.calls)
                assert all(call["request_model"] == model for call in turn.calls)
    assert routed


def test_surveys(product: Product) -> None:
    last: dict[tuple[str, str], Event] = {}
    for event in sorted(product.feedback, key=lambda event: int(event["timestamp"])):
        if event["feedback_type"] == "nps":
            last[(product.user(event), event["survey_id"])] = event
    scores = [event["feedback_score"] for event in last.values()]
    points = [100.0 * ((score >= 9) - (score <= 6)) for score in scores]
    assert is_mean_near(points, product.planted["nps"]["observed"])
    csat = [
        event["feedback_score"] for event in product.feedback if event["feedback_type"] == "csat"
    ]
    top = sum(score >= 4 for score in csat)
    assert is_near(top, len(csat), product.planted["csat"]["observed"])


def test_tokens_and_logged_costs_add_up(product: Product) -> None:
    prices = {model.name: model.prices for model in Parameters().models}
    wrong: collections.Counter[bool] = collections.Counter()
    for call in product.calls:
        if "input_tokens" not in call:
            assert call["tokens_used"] > 0
            continue
        assert call["reasoning_tokens"] <= call["output_tokens"]
        cached = call["cache_read_tokens"] + call["cache_write_tokens"]
        flat = call["input_tokens"]
        if call["token_convention"] == "inclusive":
            assert cached <= call["input_tokens"]
            flat -= cached
        if "logged_cost_usd" in call:
            price = [
                one for one in prices[call["response_model"]] if one.valid_from <= call["timestamp"]
            ][-1]
            cost = (
                flat * price.input_usd
                + call["cache_read_tokens"] * price.cache_read_usd
                + call["cache_write_tokens"] * (price.cache_write_usd or 0)
                + call["output_tokens"] * price.output_usd
            ) / 1e6
            wrong[abs(cost - call["logged_cost_usd"]) > 1e-8] += 1
    rules = Parameters()
    assert (
        0
        < wrong[True] / wrong.total()
        < (rules.logged_ignores_cache_rate + rules.logged_stale_price_rate)
    )


def test_agents_make_their_steps_inside_the_call_that_answers(product: Product) -> None:
    by_id = {call.get("response_id"): call for call in product.calls}
    steps = [call for call in product.calls if call.get("call_role") == "step"]
    assert steps
    for step in steps:
        parent = by_id[step["parent_response_id"]]
        assert parent["call_role"] == "answer"
        assert parent["query_id"] == step["query_id"]
        assert step["timestamp"] <= parent["timestamp"]
        assert step["latency_ms"] <= parent["latency_ms"]


def test_defects_come_at_their_rates(tmp_path: Path) -> None:
    truth = simulate(tmp_path, N_USERS, 60, 4, with_incidents=False).truth
    rates = Parameters().defects
    for stream in ("queries", "responses"):
        file, defects = truth["files"][f"{stream}.jsonl"], truth["defects"][stream]
        n = file["accepted"] - defects["old_version"] - defects["conflicting_content"]
        for name, rate in (
            ("duplicate", rates.duplicate_rate),
            ("late", rates.late_rate),
            ("malformed", rates.malformed_rate),
            ("missing_session", rates.missing_session_rate),
            ("missing_turn", rates.missing_turn_rate),
        ):
            assert is_near(defects[name], n, rate), (stream, name)
    n_responses = truth["files"]["responses.jsonl"]["accepted"]
    assert is_near(
        truth["defects"]["responses"]["unknown_model"], n_responses, rates.unknown_model_rate
    )
