"""The calls of models that serve interactions: attempts, steps of agents, titles; their tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import texts
from .conversations import NO_CALL, OVERHEAD_MS, STATUSES, SUCCESS, conversation_numbers
from .incidents import Effects
from .parameters import ModelProfile, Parameters, PricePoint
from .randomness import Bools, Columns, Floats, Integers, Randomness, choose, stack

ANSWER, STEP, AUXILIARY = range(3)
ROLES = ("answer", "step", "auxiliary")
FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter")
FORMATS = ("text", "markdown", "json")
#: Price classes of a call, in this order in `price_table`.
TOKEN_CLASSES = ("input", "cache_read", "cache_write", "output")


def simulate_calls(
    parameters: Parameters, randomness: Randomness, interactions: Columns, effects: Effects
) -> Columns:
    """One row per call, with `interaction` its row there; of every interaction the answer first.

    `is_answer` marks the successful call that answered it, if any.
    """
    rng = randomness.stream("calls")
    rows, latency, ended, attempt, status = [], [], [], [], []
    for number in range(1, parameters.max_attempts + 1):
        row = np.nonzero(interactions[f"status_{number}"] != NO_CALL)[0]
        rows.append(row)
        latency.append(interactions[f"latency_{number}"][row])
        ended.append(interactions[f"ended_at_{number}"][row])
        status.append(interactions[f"status_{number}"][row].astype(np.int64))
        attempt.append(np.full(len(row), number, dtype=np.int64))
    answers: Columns = {
        "interaction": np.concatenate(rows),
        "latency_ms": np.concatenate(latency),
        "timestamp": np.concatenate(ended),
        "status": np.concatenate(status),
        "attempt": np.concatenate(attempt),
    }
    n = len(answers["interaction"])
    answers["role"] = np.full(n, ANSWER, dtype=np.int64)
    answers["model"] = interactions["model"][answers["interaction"]]
    answers["is_answer"] = answers["status"] == SUCCESS
    answers["parent"] = np.full(n, -1, dtype=np.int64)

    last_call = np.zeros(len(interactions["session"]), dtype=np.int64)
    # Attempts are stacked in order, so that the last one of an interaction stays.
    last_call[answers["interaction"]] = np.arange(n)
    is_last = np.zeros(n, dtype=np.bool_)
    is_last[last_call[answers["interaction"]]] = True
    hosts = np.nonzero(is_last & interactions["is_agent"][answers["interaction"]])[0]
    parts = [answers, _steps(parameters, rng, answers, hosts)]
    parts.append(_titles(parameters, rng, interactions))
    calls = stack(parts)
    calls["response_id"] = randomness.ids("response", np.arange(len(calls["interaction"])))
    has_parent = calls["parent"] >= 0
    calls["parent_response_id"] = np.where(
        has_parent, calls["response_id"][np.maximum(calls["parent"], 0)], np.uint64(0)
    )
    del calls["parent"]
    _fill_tokens(parameters, rng, interactions, calls, effects)
    _fill_details(parameters, rng, interactions, calls)
    _fill_cost(parameters, rng, calls)
    return calls


def _steps(
    parameters: Parameters, rng: np.random.Generator, answers: Columns, hosts: NDArray[np.intp]
) -> Columns:
    """Steps of agents, made one after the other inside the call that answers."""
    n_steps = np.minimum(
        1 + rng.poisson(parameters.agent_extra_steps, len(hosts)), parameters.max_agent_steps
    )
    host = np.repeat(hosts, n_steps)
    position = np.arange(len(host)) - np.repeat(np.cumsum(n_steps) - n_steps, n_steps)
    share = answers["latency_ms"][host] // (np.repeat(n_steps, n_steps) + 1)
    started = answers["timestamp"][host] - answers["latency_ms"][host]
    is_failed = rng.random(len(host)) < parameters.step_error_rate
    n = len(host)
    return {
        "interaction": answers["interaction"][host],
        "latency_ms": share * 8 // 10,
        "timestamp": started + (position + 1) * share,
        "status": np.where(is_failed, STATUSES.index("error"), SUCCESS),
        "attempt": np.ones(n, dtype=np.int64),
        "role": np.full(n, STEP, dtype=np.int64),
        "model": np.full(n, parameters.model_index(parameters.auxiliary_model), dtype=np.int64),
        "is_answer": np.zeros(n, dtype=np.bool_),
        "parent": host.astype(np.int64),
    }


def _titles(parameters: Parameters, rng: np.random.Generator, interactions: Columns) -> Columns:
    """A title after the first exchange of most conversations; bare trackers send none."""
    has_title = (
        interactions["is_answered"]
        & (interactions["conversation_turn"] == 1)
        & ~interactions["is_plain"]
        & (rng.random(len(interactions["session"])) < parameters.title_rate)
    )
    row = np.nonzero(has_title)[0]
    n = len(row)
    latency = rng.integers(250, 900, n)
    return {
        "interaction": row,
        "latency_ms": latency,
        "timestamp": interactions["answered_at"][row] + latency + 50,
        "status": np.full(n, SUCCESS, dtype=np.int64),
        "attempt": np.ones(n, dtype=np.int64),
        "role": np.full(n, AUXILIARY, dtype=np.int64),
        "model": np.full(n, parameters.model_index(parameters.auxiliary_model), dtype=np.int64),
        "is_answer": np.zeros(n, dtype=np.bool_),
        "parent": np.full(n, -1, dtype=np.int64),
    }


def _fill_tokens(
    parameters: Parameters,
    rng: np.random.Generator,
    interactions: Columns,
    calls: Columns,
    effects: Effects,
) -> None:
    """Texts of answers and the tokens of every call; a failed call has read its input only."""
    row, role, n = calls["interaction"], calls["role"], len(calls["interaction"])
    is_answer = calls["is_answer"]
    # Longer answers take longer: the size follows the draw that made the latency.
    normal = 0.6 * interactions["latency_normal"][row] + 0.8 * rng.standard_normal(n)
    sentences = np.clip(np.rint(4.5 * np.exp(0.6 * normal)), 1, texts.MAX_SENTENCES)
    paragraph = (sentences.astype(np.int64) - 1) * texts.PARAGRAPHS_PER_SIZE + rng.integers(
        0, texts.PARAGRAPHS_PER_SIZE, n
    )
    opener = rng.integers(0, len(texts.ANSWER_OPENERS), n)
    length = texts.lengths(texts.paragraphs())[paragraph]
    length = length + texts.lengths(texts.ANSWER_OPENERS)[opener]
    length = np.where(role == STEP, length // 2, length)
    length = np.where(role == AUXILIARY, rng.integers(15, 45, n), length)
    is_success = calls["status"] == SUCCESS

    history = (interactions["conversation_turn"][row] - 1) * 110
    prompt = parameters.system_prompt_tokens + history + interactions["text_length"][row] // 4
    prompt = prompt + rng.integers(0, 60, n)
    prompt = np.where(interactions["is_agent"][row] & (role == ANSWER), prompt * 3, prompt)
    prompt = np.where(role == AUXILIARY, 60 + length, prompt)
    factor = effects.value(interactions["asked_at"][row], "input_token_factor", 1.0)
    total_input = (prompt * factor).astype(np.int64)

    models = parameters.models
    is_exclusive = _of_model(calls, [float(m.token_convention == "exclusive") for m in models]) > 0
    hits = (interactions["conversation_turn"][row] > 1) & (role != AUXILIARY)
    hits &= rng.random(n) < parameters.cache_hit_rate
    cache_read = np.where(hits, (total_input * parameters.cached_share).astype(np.int64), 0)
    writes = is_exclusive & (interactions["conversation_turn"][row] == 1) & (role != AUXILIARY)
    cache_write = np.where(writes, np.minimum(parameters.system_prompt_tokens, total_input), 0)
    mean_reasoning = _of_model(calls, [model.reasoning_tokens for model in models])
    reasoning = np.rint(mean_reasoning * rng.exponential(size=n)).astype(np.int64)
    reasoning = np.where(is_success, reasoning, 0)
    output = np.where(is_success, -(-length // 4) + reasoning, 0)

    calls.update(
        has_text=is_answer,
        paragraph=np.where(is_answer, paragraph, -1),
        answer_opener=np.where(is_answer, opener, -1),
        response_length=np.where(is_success, length, 0),
        total_input_tokens=total_input,
        input_tokens=np.where(is_exclusive, total_input - cache_read - cache_write, total_input),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        output_tokens=output,
        reasoning_tokens=reasoning,
        is_exclusive=is_exclusive,
    )


def _fill_details(
    parameters: Parameters, rng: np.random.Generator, interactions: Columns, calls: Columns
) -> None:
    """First token, client's latency, finish reason, format, citations, tools."""
    n, role, latency = len(calls["interaction"]), calls["role"], calls["latency_ms"]
    is_success = calls["status"] == SUCCESS
    is_filtered = calls["status"] == STATUSES.index("filtered")
    is_agent = interactions["is_agent"][calls["interaction"]]
    finish = np.where(is_success, 0, -1)
    finish[is_success & (rng.random(n) < 0.01)] = FINISH_REASONS.index("length")
    finish[is_success & (role == STEP)] = FINISH_REASONS.index("tool_calls")
    finish[is_filtered] = FINISH_REASONS.index("content_filter")
    tools = np.where(is_success & (role == STEP), rng.integers(0, 3, n), 0)
    citations = rng.integers(1, 6, n) * (rng.random(n) < parameters.citation_rate)
    calls.update(
        time_to_first_token_ms=np.where(
            is_success, (latency * (0.15 + 0.2 * rng.random(n))).astype(np.int64), -1
        ),
        client_latency_ms=np.where(
            role == ANSWER, latency + OVERHEAD_MS + rng.integers(5, 250, n), -1
        ),
        finish_reason=finish,
        format=np.where(calls["is_answer"], choose(rng, (0.3, 0.6, 0.1), n), -1),
        citation_count=np.where(calls["is_answer"], citations, -1),
        tool_call_count=np.where(is_agent & (role != AUXILIARY), tools, -1),
        tool_cost_usd=tools * parameters.tool_cost_usd,
    )


def _fill_cost(parameters: Parameters, rng: np.random.Generator, calls: Columns) -> None:
    """Cost as a tracker logs it (-1: it logs none): often right, else wrong for a known cause."""
    n = len(calls["interaction"])
    tokens = _tokens_by_class(calls)
    is_logged = rng.random(n) < parameters.logged_cost_rate
    cause = choose(
        rng,
        (
            1 - parameters.logged_ignores_cache_rate - parameters.logged_stale_price_rate,
            parameters.logged_ignores_cache_rate,
            parameters.logged_stale_price_rate,
        ),
        n,
    )
    right = cost_usd(parameters, calls["model"], calls["timestamp"], tokens)
    flat = np.zeros_like(tokens)
    flat[:, 0], flat[:, 3] = calls["total_input_tokens"], calls["output_tokens"]
    ignores_cache = cost_usd(parameters, calls["model"], calls["timestamp"], flat)
    stale = cost_usd(parameters, calls["model"], np.zeros(n, dtype=np.int64), tokens)
    logged = np.choose(cause, [right, ignores_cache, stale])
    calls["logged_cost_usd"] = np.where(is_logged, np.round(logged, 9), -1.0)


def _tokens_by_class(calls: Columns) -> Floats:
    plain = calls["total_input_tokens"] - calls["cache_read_tokens"] - calls["cache_write_tokens"]
    columns = (
        plain,
        calls["cache_read_tokens"],
        calls["cache_write_tokens"],
        calls["output_tokens"],
    )
    return np.stack(columns, axis=1).astype(np.float64)


def cost_usd(parameters: Parameters, model: Integers, times: Integers, tokens: Floats) -> Floats:
    """US dollars of calls at the list price of their UTC date; `tokens` by TOKEN_CLASSES."""
    result = np.zeros(len(model))
    for number, profile in enumerate(parameters.models):
        rows = np.nonzero(model == number)[0]
        if not len(rows):
            continue
        starts = np.array(
            [np.datetime64(price.valid_from, "ms").astype(np.int64) for price in profile.prices]
        )
        which = np.maximum(np.searchsorted(starts, times[rows], side="right") - 1, 0)
        result[rows] = (tokens[rows] * price_table(profile)[which]).sum(axis=1)
    return result


def price_table(profile: ModelProfile) -> Floats:
    """US dollars per token: a row per price point, a column per class of TOKEN_CLASSES."""
    return np.array([_price_row(price) for price in profile.prices]) / 1_000_000


def _price_row(price: PricePoint) -> tuple[float, float, float, float]:
    write = price.cache_write_usd if price.cache_write_usd is not None else 0.0
    return price.input_usd, price.cache_read_usd, write, price.output_usd


def _of_model(calls: Columns, values: list[float]) -> Floats:
    return np.array(values)[calls["model"]]


def last_answers(calls: Columns, n_interactions: int) -> Integers:
    """Row of the call that answered each interaction, or -1."""
    result = np.full(n_interactions, -1, dtype=np.int64)
    rows = np.nonzero(calls["is_answer"])[0]
    result[calls["interaction"][rows]] = rows
    return result


def eligible(calls: Columns, interactions: Columns) -> Bools:
    """Calls that answered, of clients that send the ids that evaluations need."""
    is_eligible: Bools = calls["is_answer"] & ~interactions["is_plain"][calls["interaction"]]
    return is_eligible


def conversation_of_calls(calls: Columns, interactions: Columns) -> Integers:
    """Conversation number of each call."""
    return conversation_numbers(interactions)[calls["interaction"]]
