"""A model that judges, behind any endpoint that speaks as OpenAI's chat completions do."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.evaluation.rubric import Rubric
from llm_analytics.evaluation.sampling import Item

_RETRIED = {408, 409, 429, 500, 502, 503, 504, 529}
_ATTEMPTS = 4
_MOST_WAIT_SECONDS = 30.0
#: So many answers in a row without a verdict, and asking stops: it is not the answers' fault.
_FAILURES_IN_A_ROW = 5
#: More than any template adds to a conversation, in tokens.
_TEMPLATE_TOKENS = 64


@dataclass(frozen=True)
class Endpoint:
    """Where the judge is asked, and what it costs: US dollars per million tokens."""

    url: str
    model: str
    key: str | None
    input_price: float
    output_price: float
    max_tokens: int = 200
    timeout_seconds: float = 60.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


@dataclass(frozen=True)
class Judgement:
    """What the judge said of an answer, and when; labels by criterion."""

    item: Item
    labels: dict[str, str]
    judged_at: str


@dataclass
class JudgeReport:
    """What a run did and spent. `is_out_of_budget`: answers were left because money was."""

    judgements: list[Judgement] = field(default_factory=list)
    n_cached: int = 0
    n_failed: int = 0
    n_left: int = 0
    spent_usd: float = 0.0
    is_out_of_budget: bool = False
    last_failure: str | None = None


class Cache:
    """What was asked before, with the labels alone; each is kept at once: a kill costs none.

    Raises LlmAnalyticsError for a file that is no cache.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(file)) as database, database:
                database.execute(
                    "create table if not exists judgements"
                    " (key text primary key, labels text not null, judged_at text not null)"
                )
        except (OSError, sqlite3.Error) as error:
            raise LlmAnalyticsError(f"{file}: no cache of judgements ({error})") from error

    def get(self, key: str) -> tuple[dict[str, str], str] | None:
        """Labels and time of what was asked under a key."""
        with closing(sqlite3.connect(self._file)) as database:
            row = database.execute(
                "select labels, judged_at from judgements where key = ?", [key]
            ).fetchone()
        return None if row is None else (json.loads(row[0]), row[1])

    def put(self, key: str, labels: dict[str, str], judged_at: str) -> None:
        """Keeps an answer of the judge."""
        with closing(sqlite3.connect(self._file)) as database, database:
            database.execute(
                "insert or replace into judgements values (?, ?, ?)",
                [key, json.dumps(labels), judged_at],
            )


def messages_of(rubric: Rubric, item: Item) -> list[dict[str, str]]:
    """What the judge reads: the rubric, then the texts as data."""
    return [
        {"role": "system", "content": rubric.instructions},
        {
            "role": "user",
            "content": json.dumps({"user": item.question, "assistant": item.answer}),
        },
    ]


def parse_labels(rubric: Rubric, content: str) -> dict[str, str] | None:
    """The labels of a reply; None if one is missing or is none of the rubric's."""
    start, stop = content.find("{"), content.rfind("}")
    try:
        said = json.loads(content[start : stop + 1])
    except ValueError:
        return None
    labels = {one.name: said.get(one.name) for one in rubric.criteria}
    return labels if all(labels[one.name] in one.labels for one in rubric.criteria) else None


def _key(endpoint: Endpoint, messages: Sequence[dict[str, str]]) -> str:
    content = json.dumps([endpoint.url, endpoint.model, list(messages)])
    return hashlib.sha256(content.encode()).hexdigest()


class JudgeError(Exception):
    """An answer has no verdict; `spent_usd` may have been paid all the same."""

    def __init__(self, message: str, spent_usd: float = 0.0) -> None:
        super().__init__(message)
        self.spent_usd = spent_usd


def _ask(
    endpoint: Endpoint,
    messages: list[dict[str, str]],
    session: requests.Session,
    pause: Callable[[float], None],
) -> tuple[str, float]:
    """One reply and what it cost in US dollars, after retries. Raises JudgeError."""
    body = {
        "model": endpoint.model, "messages": messages, "temperature": 0,
        "max_tokens": endpoint.max_tokens,
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    failure = ""
    for attempt in range(_ATTEMPTS):
        wait = min(2.0**attempt, _MOST_WAIT_SECONDS)
        try:
            response = session.post(
                endpoint.url.rstrip("/") + "/chat/completions",
                json=body, headers=headers, timeout=endpoint.timeout_seconds,
            )  # fmt: skip
        except requests.RequestException as error:
            failure = f"{type(error).__name__} at {endpoint.url}"
        else:
            if response.ok:
                return _reply(endpoint, messages, response)
            failure = f"HTTP {response.status_code} from {endpoint.url}"
            if response.status_code not in _RETRIED:
                break
            with suppress(ValueError):  # of a date: the usual pause will do
                wait = min(float(response.headers.get("Retry-After", wait)), _MOST_WAIT_SECONDS)
        if attempt + 1 < _ATTEMPTS:
            pause(max(wait, 0.0))
    raise JudgeError(failure)


def _reply(
    endpoint: Endpoint, messages: list[dict[str, str]], response: requests.Response
) -> tuple[str, float]:
    bound = _bound(endpoint, messages)
    try:
        found: Any = response.json()
        content = found["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise JudgeError(f"no chat completion from {endpoint.url}", bound) from error
    usage = found.get("usage") or {}
    try:
        cost = endpoint.cost(int(usage["prompt_tokens"]), int(usage["completion_tokens"]))
    except (LookupError, TypeError, ValueError):  # what is not told may have cost the most
        cost = bound
    return str(content or ""), cost


def _bound(endpoint: Endpoint, messages: list[dict[str, str]]) -> float:
    """The most that a question can cost: a token is one byte at least."""
    n_bytes = sum(len(message["content"].encode()) for message in messages)
    return endpoint.cost(n_bytes + _TEMPLATE_TOKENS, endpoint.max_tokens)


def judge(
    items: Sequence[Item],
    rubric: Rubric,
    endpoint: Endpoint,
    cache: Cache,
    budget_usd: float,
    pause: Callable[[float], None] = time.sleep,
) -> JudgeReport:
    """Asks the judge about each item within the budget; what the cache has costs nothing.

    A question that could exceed the budget is not asked, so that no run spends more. An answer
    without a verdict is counted, and five in a row end the run; what was judged is kept.
    """
    report = JudgeReport()
    in_a_row = 0
    with requests.Session() as session:
        for number, item in enumerate(items):
            messages = messages_of(rubric, item)
            key = _key(endpoint, messages)
            if (known := cache.get(key)) is not None:
                report.judgements.append(Judgement(item, *known))
                report.n_cached += 1
                continue
            # A retry may be paid for as well, when the reply to the first was lost.
            if report.spent_usd + _bound(endpoint, messages) > budget_usd:
                report.is_out_of_budget = True
                report.n_left += 1
                continue
            try:
                content, cost = _ask(endpoint, messages, session, pause)
                report.spent_usd += cost
                labels = parse_labels(rubric, content)
                if labels is None:
                    raise JudgeError("a reply that is none of the rubric's labels")
            except JudgeError as error:
                report.spent_usd += error.spent_usd
                report.n_failed += 1
                report.last_failure = str(error)
                in_a_row += 1
                if in_a_row == _FAILURES_IN_A_ROW:
                    report.n_left += len(items) - number - 1
                    break
                continue
            in_a_row = 0
            judged_at = datetime.now(UTC).isoformat(timespec="milliseconds")
            cache.put(key, labels, judged_at)
            report.judgements.append(Judgement(item, labels, judged_at))
    return report


def judge_events(report: JudgeReport, rubric: Rubric, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The judgements as evaluations; the same judgement has the same id."""
    events = []
    for one in report.judgements:
        for criterion in rubric.criteria:
            label = one.labels[criterion.name]
            content = "\0".join(
                (endpoint.model, rubric.name, rubric.version, criterion.name,
                 one.item.response_id, one.judged_at)
            )  # fmt: skip
            score = criterion.labels[label]
            events.append(
                {
                    "timestamp": one.judged_at,
                    "event_id": "judge-" + hashlib.sha256(content.encode()).hexdigest()[:32],
                    "response_id": one.item.response_id,
                    "criterion": criterion.name,
                    "rubric": rubric.name,
                    "rubric_version": rubric.version,
                    "evaluator_id": endpoint.model,
                    "evaluator_kind": "judge",
                    "label": label,
                    **({} if score is None else {"score": score}),
                }
            )
    return events
