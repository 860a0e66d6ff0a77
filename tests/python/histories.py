"""Small nasty histories of a few users, for the reference and the equivalence tests.

A history is a seed and a list of scenarios; each scenario is one situation that a definition or a
rule of zone A has to get right, with details that the seed decides. Hypothesis shrinks a failing
history to the fewest scenarios. Ids carry the history's prefix, so that many histories share one
warehouse and still have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from support.raw_tables import Load, RawEvent

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
GAP = 30 * MINUTE
#: Midnight of a Monday, UTC, in epoch milliseconds; histories begin up to four weeks later.
FIRST_DAY = (datetime(2025, 1, 6) - datetime(1970, 1, 1)) // timedelta(milliseconds=1)

#: Pauses at and around what the definitions ask about.
PAUSES = (
    0, 1, SECOND, 20 * SECOND, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE + 1, 10 * MINUTE,
    GAP - SECOND, GAP, GAP + 1, GAP + SECOND, HOUR, 7 * HOUR, DAY, DAY + HOUR, 7 * DAY,
)  # fmt: skip

#: Names as calls send them; `seeds/` of the test project prices some of them.
MODELS: tuple[tuple[str | None, str | None], ...] = (
    ("acme", "large"), ("acme", "large-20250101"), (None, "large"), ("acme", "changing"),
    ("acme", "Changing "), ("acme", "no-cache"), ("globex", "shared"), ("acme", "shared"),
    (None, "shared"), ("proxy", "large"), ("proxy", "gate/large"), ("acme", "gate/large"),
    (None, "v2"), ("acme", "unheard-of"), (None, None), ("acme", "dear-in"), ("acme", "odd"),
)  # fmt: skip


@dataclass
class History:
    """A history in the making: a clock, some users, and the events so far."""

    prefix: str
    random: Random
    now: int = FIRST_DAY
    events: list[RawEvent] = field(default_factory=list)
    #: Ids that were minted, by stream.
    ids: dict[str, list[str]] = field(default_factory=dict)

    def id(self, name: str) -> str:
        """An id of this history's own."""
        return f"{self.prefix}{name}"

    def new_id(self, stream: str) -> str:
        """A fresh event id; ids do not sort by time."""
        number = len(self.ids.setdefault(stream, []))
        minted = self.id(f"{stream[0]}{self.random.randrange(10)}{number}")
        self.ids[stream].append(minted)
        return minted

    @property
    def user(self) -> str:
        """One of three users; the first does most."""
        return self.id(self.random.choice(("ann", "ann", "ann", "bob", "eve")))

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < share

    def wait(self, *pauses: int) -> None:
        """Let one of the pauses pass."""
        self.now += self.random.choice(pauses or PAUSES)

    def add(self, stream: str, at: int | None = None, **fields: Any) -> dict[str, Any]:
        """Log an event, without the fields that are None; returns its fields."""
        made: dict[str, Any] = {
            "event_id": fields.pop("event_id", None) or self.new_id(stream),
            "timestamp": self.now if at is None else at,
        }
        made |= {name: value for name, value in fields.items() if value is not None}
        self.events.append(RawEvent(stream, made))
        return made

    def query(self, **fields: Any) -> dict[str, Any]:
        """A message of a user."""
        fields.setdefault("user_id", self.user)
        if self.chance(0.5):
            fields.setdefault("text_signature_1", self.random.choice(SIGNATURES))
            fields.setdefault("text_signature_2", self.random.choice(SIGNATURES))
        if self.chance(0.2):
            fields.setdefault("query_kind", self.random.choice(("new", "regenerate", "edit")))
        if self.chance(0.1):
            fields.setdefault("is_clarification", self.random.choice((True, False)))
        if self.chance(0.2):
            fields.setdefault("sequence_number", self.random.randrange(3))
        fields.setdefault("app_id", self.random.choice((None, "web", "app")))
        fields.setdefault("feature", self.random.choice((None, "search", "draft")))
        fields.setdefault("query_length", self.random.choice((None, 0, 120)))
        return self.add("queries", **fields)

    def call(self, **fields: Any) -> dict[str, Any]:
        """A call of a model, with one of many ways to report tokens and outcome."""
        provider, model = self.random.choice(MODELS)
        fields.setdefault("provider", provider)
        fields.setdefault(
            self.random.choice(("model_version", "request_model", "response_model")), model
        )
        fields |= {name: value for name, value in self._tokens().items() if name not in fields}
        if not fields.keys() & {"status", "error_type"}:
            status, error = self.random.choice(
                (("success", None),) * 4
                + ((None, None), (None, "overloaded"), ("error", "overloaded"), ("timeout", None),
                   ("filtered", None), ("malformed", None), ("cancelled", None),
                   ("success", "warned"))
            )  # fmt: skip
            fields["status"], fields["error_type"] = status, error
        for name in ("latency_ms", "client_latency_ms", "time_to_first_token_ms"):
            fields.setdefault(name, self.random.choice((None, 0, 700, 900, 5000, 5001, 60000, -5)))
        if self.chance(0.1):
            fields["tool_cost_usd"] = Decimal("0.001234567891")
        if self.chance(0.2):
            fields["logged_cost_usd"] = Decimal(self.random.choice(("0", "0.0025", "1.5")))
        if self.chance(0.2):
            fields.setdefault("user_id", self.user)
        if self.chance(0.2):
            fields.setdefault("sequence_number", self.random.randrange(3))
        if self.chance(0.3):
            fields.setdefault("prompt_name", "greeting")
            fields.setdefault("prompt_version", self.random.choice(("1", "2")))
        fields.setdefault("response_length", self.random.choice((None, 350)))
        return self.add("responses", **fields)

    def _tokens(self) -> dict[str, Any]:
        """Token counts as one tracker or another reports them."""
        random = self.random
        kind = random.randrange(7)
        if kind == 0:
            return {"tokens_used": random.choice((0, 1, 1000, 12345))}
        if kind == 1:
            return {}
        if kind == 2:
            return {"input_tokens": 800, "tokens_used": random.choice((None, 1000))}
        tokens: dict[str, Any] = {
            "input_tokens": random.choice((0, 1000, 7777)),
            "output_tokens": random.choice((0, 1, 333)),
        }
        if kind == 3:
            tokens["reasoning_tokens"] = random.choice((0, 200))
        if kind >= 5:
            tokens |= {
                "token_convention": "inclusive" if kind == 5 else "exclusive",
                "cache_read_tokens": random.choice((None, 0, 500)),
                "cache_write_tokens": random.choice((None, 0, 300)),
            }
            if kind == 5:
                tokens["input_tokens"] = random.choice((800, 5000))
        return tokens

    def remark(self, **fields: Any) -> dict[str, Any]:
        """Feedback of a user."""
        fields.setdefault("user_id", self.user)
        fields.setdefault(
            "feedback_type",
            self.random.choice(
                ("thumbs_up", "thumbs_down", "thumbs_down", "retracted", "copy", "share", "rating")
            ),
        )
        if fields["feedback_type"] == "rating":
            fields.setdefault("feedback_score", Decimal(self.random.randrange(1, 6)))
        if fields["feedback_type"] in ("rating", "nps", "csat"):
            fields.setdefault("survey_id", self.random.choice((None, None, "autumn", "winter")))
        return self.add("feedback", **fields)

    def conversation(self) -> dict[str, Any]:
        """Ids under which a scenario's events hang together: any, several or none."""
        name = self.id(f"c{self.random.randrange(4)}")
        return self.random.choice(
            (
                {"conversation_id": name},
                {"conversation_id": name},
                {"session_id": name},
                {"trace_id": self.new_id("traces")},
                {"conversation_id": name, "session_id": self.id("s1")},
                {"conversation_id": name, "trace_id": self.new_id("traces")},
                {},
            )
        )


#: Signatures with 16, 10, 9 and 0 nibbles in common: 20 of 32 are similar, 19 are not.
SIGNATURES = (
    0x1234567812345678,
    0x1234567812FFFFFF,
    0x123456781FFFFFFF,
    -0x0123456789ABCDF0,
    0x7FFFFFFFFFFFFFFF,
)

Scenario = Callable[[History], None]


def chat(history: History) -> None:
    """Queries and answers of one conversation, all of it plain."""
    ids, user = history.conversation(), history.user
    for turn in range(1, history.random.randrange(2, 5)):
        numbered = {"conversation_turn": turn} if history.chance(0.5) else {}
        query = history.query(user_id=user, **ids, **numbered)
        history.wait(0, 900, 5 * SECOND)
        linked = {"query_id": query["event_id"]} if history.chance(0.4) else {}
        if not history.chance(0.15):
            history.call(**ids, **numbered, **linked)
        history.wait()


def at_the_gap(history: History) -> None:
    """Activity exactly a gap apart, and a hair more, of streams that count and some that not."""
    user = history.user
    for pause in history.random.choice(
        ((GAP, GAP), (GAP, GAP + 1), (GAP + SECOND, GAP - 1), (GAP + 1, GAP + 1))
    ):
        kind = history.random.randrange(4)
        if kind == 0:
            history.remark(user_id=user)
        elif kind == 1:
            is_user_action = history.random.choice((None, True, False))
            history.add(
                "product_events", user_id=user, name="opened", is_user_action=is_user_action
            )
        else:
            history.query(user_id=user)
        history.call(user_id=user)
        history.now += pause
    history.query(user_id=user)


def around_midnight(history: History) -> None:
    """A visit that begins before midnight and ends after, with its bridge logged last."""
    user = history.user
    midnight = history.now - history.now % DAY + DAY
    before, after = midnight - 20 * MINUTE, midnight + history.random.choice((0, 20 * MINUTE))
    history.query(user_id=user, at=before)
    history.query(user_id=user, at=after + 25 * MINUTE, **history.conversation())
    history.query(user_id=user, at=midnight - history.random.choice((1, 0, -1)))
    history.now = after + 25 * MINUTE


def stolen_answer(history: History) -> None:
    """An answer between two queries, the second of them logged late: who does it serve?"""
    ids, user = history.conversation(), history.user
    turns = history.random.choice(((None, None, None), (1, 1, 1), (1, 2, 1), (1, 2, None)))
    start = history.now
    history.query(user_id=user, at=start, conversation_turn=turns[0], **ids)
    answer = history.call(at=start + 10 * SECOND, conversation_turn=turns[2], **ids)
    history.remark(
        user_id=user,
        at=start + 15 * SECOND,
        response_id=history.random.choice((None, answer["event_id"])),
        **ids,
    )
    at = start + history.random.choice((5 * SECOND, 10 * SECOND, 12 * SECOND))
    history.query(user_id=user, at=at, conversation_turn=turns[1], **ids)
    history.now = start + MINUTE


def votes(history: History) -> None:
    """Votes before, twice, of two users, taken back, by response, query or order."""
    ids, user = history.conversation(), history.user
    query = history.query(user_id=user, **ids)
    response_id = history.random.choice((None, history.new_id("names")))
    if history.chance(0.3):
        history.call(query_id=query["event_id"], response_id=response_id, attempt_number=1, **ids)
    answer = history.call(
        at=history.now + 5 * SECOND,
        query_id=history.random.choice((None, query["event_id"])),
        response_id=response_id,
        **ids,
    )
    name = response_id or answer["event_id"]
    for _ in range(history.random.randrange(1, 5)):
        history.wait(0, SECOND, 10 * SECOND, MINUTE)
        about: dict[str, Any] = history.random.choice(
            (
                {"response_id": name},
                {"response_id": name, "query_id": query["event_id"]},
                {"response_id": history.id("unknown"), **ids},
                {"query_id": query["event_id"]},
                {"query_id": history.id("unknown"), **ids},
                ids,
            )
        )
        who = history.random.choice((user, user, history.user, None))
        history.remark(user_id=who, **about)
    for _ in range(history.random.choice((0, 0, 1, 3))):
        history.remark(
            user_id=user, feedback_type=history.random.choice(("nps", "csat", "rating")), **ids
        )


def corrected(history: History) -> None:
    """One id sent again with other contents: another time, user, conversation, query, price."""
    streams = ("queries", "responses", "feedback", "product_events", "identities")
    by_stream = [
        [event for event in history.events if event.stream == stream] for stream in streams
    ]
    if not any(by_stream):
        chat(history)
        return
    event = history.random.choice(history.random.choice([each for each in by_stream if each]))
    again = dict(event.fields)
    for _ in range(history.random.randrange(1, 3)):
        name, value = history.random.choice(_corrections(history, event.stream))
        again[name] = again["timestamp"] + value if name == "timestamp" else value
    if history.chance(0.3):
        again["event_version"] = history.random.randrange(3)
    history.events.append(
        RawEvent(event.stream, {name: value for name, value in again.items() if value is not None})
    )


def moved(history: History) -> None:
    """A query, its call or its vote is corrected: it belonged elsewhere, or to nobody."""
    ids, user = history.random.choice((history.conversation(), {})), history.user
    start = history.now
    made = {
        "queries": history.query(user_id=user, **ids),
        "responses": history.call(at=start + SECOND, status="success", user_id=user, **ids),
    }
    if history.chance(0.5):
        made["feedback"] = history.remark(
            at=start + 2 * SECOND, user_id=user, feedback_type="thumbs_down", **ids
        )
    stream = history.random.choice(list(made))
    elsewhere = history.random.choice(
        (
            {"conversation_id": history.new_id("conversations")},
            {"conversation_id": None, "session_id": None, "trace_id": None},
            {"trace_id": history.new_id("traces")},
            {"user_id": None, "anonymous_id": None},
            {"user_id": None, "anonymous_id": None},
            {"timestamp": start + history.random.choice((-DAY, GAP + 1, 90 * SECOND))},
        )
    )
    again = made[stream] | elsewhere | {"event_version": 1}
    history.events.append(
        RawEvent(stream, {name: value for name, value in again.items() if value is not None})
    )


def _corrections(history: History, stream: str) -> list[tuple[str, Any]]:
    """Fields of a stream and what they may be corrected to; a timestamp moves by so much."""
    queries = history.ids.get("queries") or [history.id("unknown")]
    changes: list[tuple[str, Any]] = [
        ("timestamp", history.random.choice((-DAY, -GAP, -1, 1, GAP, GAP + 1, DAY))),
        ("user_id", history.random.choice((history.user, None))),
    ]
    if stream == "identities":
        return [("user_id", history.user)]
    changes += [
        ("conversation_id", history.random.choice((history.id("c0"), history.id("c9"), None))),
        ("session_id", history.random.choice((history.id("c1"), None))),
        ("trace_id", history.random.choice((*history.ids.get("traces", ()), None))),
    ]
    if stream == "queries":
        changes += [("conversation_turn", 1), ("query_kind", "edit"), ("text_signature_1", None)]
        changes += [("text_signature_1", SIGNATURES[0]), ("app_id", "moved")]
    if stream == "responses":
        changes += [
            ("query_id", history.random.choice((*queries, None))),
            ("response_id", history.random.choice((*history.ids.get("names", ()), None))),
            ("status", "error"),
            ("status", "success"),
            ("call_role", "step"),
            ("implies_query", False),
            ("implies_query", True),
            ("parent_response_id", history.id("parent")),
            ("output_tokens", 444),
            ("response_model", "changing"),
        ]
    if stream == "feedback":
        responses = history.ids.get("responses") or [history.id("unknown")]
        changes += [
            ("feedback_type", "thumbs_up"),
            ("response_id", history.random.choice((*responses, None))),
            ("query_id", history.random.choice((*queries, None))),
        ]
    if stream == "product_events":
        changes += [("is_user_action", False), ("is_user_action", True)]
    return changes


def linked_devices(history: History) -> None:
    """A device and its user overlap in visits and threads; a second user may claim the device."""
    device, user = history.id(f"phone{history.random.randrange(2)}"), history.user
    ids = history.random.choice(({}, {}, history.conversation()))
    for _ in range(history.random.randrange(2, 5)):
        under = (
            {"anonymous_id": device, "user_id": None}
            if history.chance(0.5)
            else {"user_id": user, "anonymous_id": history.random.choice((None, device))}
        )
        history.query(**under, **ids)
        if history.chance(0.5):
            history.call(at=history.now + SECOND, **({"user_id": user} | under), **ids)
        if history.chance(0.3):
            history.remark(at=history.now + 2 * SECOND, **under, **ids)
        history.wait(SECOND, 10 * MINUTE, GAP, GAP + 1, HOUR)
    history.add("identities", alias_id=device, user_id=user)
    if history.chance(0.2):
        history.add("identities", alias_id=device, user_id=history.user)
    if history.chance(0.5):
        # Touches the thread of one of both ids, and no visit.
        history.call(at=history.now - SECOND, user_id=history.random.choice((user, device)), **ids)


def agent(history: History) -> None:
    """One query, steps, retries, an auxiliary call, one answer or none."""
    ids, user = history.conversation(), history.user
    query = history.query(user_id=user, **ids)
    link = {"query_id": query["event_id"]} if history.chance(0.5) else ids
    for _ in range(history.random.randrange(0, 4)):
        history.wait(900, SECOND)
        history.call(
            call_role=history.random.choice(("step", "step", "auxiliary")),
            parent_response_id=history.random.choice((None, history.id("parent"))),
            **link,
        )
    for attempt in range(1, history.random.randrange(1, 5)):
        history.wait(0, SECOND, 2 * SECOND)
        history.call(
            call_role=history.random.choice((None, "answer")), attempt_number=attempt, **link
        )


def request_log(history: History) -> None:
    """Calls that stand for their queries, with children, and a conversation or none."""
    ids, user = history.conversation(), history.user
    for _ in range(history.random.randrange(1, 4)):
        call = history.call(
            user_id=user,
            implies_query=True,
            query_id=history.random.choice((None, None, history.id("elsewhere"))),
            call_role=history.random.choice((None, None, "step")),
            **ids,
        )
        if history.chance(0.3):
            history.call(
                user_id=user, implies_query=True, parent_response_id=call["event_id"], **ids
            )
        history.wait(SECOND, GAP, GAP + 700, HOUR)


def orphans(history: History) -> None:
    """Calls and feedback of nobody, of no query, and of queries that never come."""
    history.call(query_id=history.id("nowhere"))
    history.call()
    history.call(conversation_id=history.id("empty"), conversation_turn=1)
    history.remark(user_id=None)
    history.remark(response_id=history.id("nowhere"), conversation_id=history.id("empty"))
    history.query(user_id=None)
    history.add("product_events", name="opened")


def only_traces(history: History) -> None:
    """A tracker that sends traces and nothing else; two queries may share one."""
    for _ in range(history.random.randrange(1, 3)):
        trace = history.new_id("traces")
        if history.chance(0.3):
            history.call(trace_id=trace)
            history.wait(SECOND, MINUTE)
        history.query(trace_id=trace)
        if history.chance(0.4):
            history.wait(0, SECOND)
            history.query(trace_id=trace)
        for _ in range(history.random.randrange(0, 3)):
            history.wait(0, SECOND)
            history.call(trace_id=trace)
        history.remark(trace_id=trace)
        history.wait()


def no_ids(history: History) -> None:
    """A tracker that sends users and nothing else."""
    user = history.user
    for _ in range(history.random.randrange(1, 5)):
        history.query(user_id=user)
        history.wait(0, SECOND, MINUTE, GAP + 1)
        history.call(user_id=history.random.choice((user, None)))
        history.remark(user_id=user)
        history.wait()


def goals(history: History) -> None:
    """Events that reach a goal, in a visit and after it, a query now and then, and payments."""
    user = history.user
    history.query(user_id=user, **history.conversation())
    history.wait()
    name = history.random.choice(("booked", "saved", "opened"))
    history.add(
        "product_events",
        user_id=user,
        name=name,
        amount={"booked": Decimal("12.25"), "saved": Decimal("-0.000001")}.get(name),
        is_user_action=history.random.choice((None, False)),
        session_id=history.random.choice((None, history.id("c1"))),
    )


def price_change(history: History) -> None:
    """Calls on either side of the UTC midnight at which a price changes, and of its first day."""
    change = FIRST_DAY + 20 * DAY
    user = history.user
    for at in (change - 1, change, FIRST_DAY - 1, FIRST_DAY):
        query = history.query(user_id=user, at=at)
        history.call(
            at=at, query_id=query["event_id"], provider="acme", request_model="changing",
            input_tokens=history.random.choice((1, 12345)), output_tokens=678,
        )  # fmt: skip


def internal_user(history: History) -> None:
    """Somebody of the team, who is left out of user metrics, in a conversation with a user."""
    ids = history.conversation()
    staff = {"user_id": "staff"} if history.chance(0.5) else {"anonymous_id": "staff-phone"}
    history.query(**{"user_id": None} | staff, **ids)
    history.call(at=history.now + SECOND, **ids)
    history.remark(at=history.now + 2 * SECOND, **{"user_id": None} | staff, **ids)
    history.wait(MINUTE, HOUR)
    history.query(**ids)


def soup(history: History) -> None:
    """Events whose fields were drawn from small hats, as no tracker would send them."""
    random = history.random

    def maybe(*values: Any) -> Any:
        return random.choice((None, *values))

    for _ in range(random.randrange(3, 9)):
        ids = {
            "user_id": maybe(history.user, history.user),
            "anonymous_id": maybe(history.id("phone0")),
            "conversation_id": maybe(history.id("c0"), history.id("c1")),
            "session_id": maybe(history.id("c0"), history.id("s0")),
            "trace_id": maybe(history.id("t0"), history.id("c1")),
        }
        turn = maybe(1, 2)
        queries = history.ids.get("queries") or [history.id("unknown")]
        names = history.ids.get("responses") or [history.id("unknown")]
        kind = random.randrange(4)
        if kind == 0:
            history.query(conversation_turn=turn, **ids)
        elif kind == 1:
            history.call(
                conversation_turn=turn,
                query_id=maybe(random.choice(queries)),
                response_id=maybe(history.id("r0"), history.id("r1")),
                call_role=maybe("answer", "step", "auxiliary"),
                **ids,
            )
        elif kind == 2:
            history.remark(
                query_id=maybe(random.choice(queries)),
                response_id=maybe(history.id("r0"), random.choice(names)),
                **ids,
            )
        else:
            history.wait()


SCENARIOS: tuple[Scenario, ...] = (
    chat, chat, at_the_gap, around_midnight, stolen_answer, stolen_answer, votes, votes,
    corrected, corrected, corrected, moved, moved, linked_devices, linked_devices, agent,
    request_log, orphans, only_traces, no_ids, goals, price_change, internal_user, soup, soup,
)  # fmt: skip


def seeded(seed: int | str) -> Random:
    """Repeatable chance."""
    return Random(seed)  # noqa: S311 - not for cryptography


def make_history(prefix: str, seed: int, scenarios: Sequence[Scenario]) -> list[RawEvent]:
    """The events of a history, in the order of its scenarios; the same for the same arguments."""
    random = seeded(seed)
    begins = random.randrange(28) * DAY + random.choice((0, 10 * HOUR, DAY - HOUR))
    history = History(prefix, random, FIRST_DAY + begins)
    for number, scenario in enumerate(scenarios):
        history.random = seeded(f"{seed} {number} {scenario.__name__}")
        scenario(history)
        history.wait()
    return history.events


@dataclass(frozen=True)
class Recipe:
    """How to make a world of many histories that share nothing but the calendar."""

    histories: tuple[tuple[int, tuple[str, ...]], ...]

    def events(self) -> list[RawEvent]:
        """The events, history after history."""
        by_name = {scenario.__name__: scenario for scenario in SCENARIOS}
        return [
            event
            for number, (seed, names) in enumerate(self.histories)
            for event in make_history(f"{number}-", seed, [by_name[name] for name in names])
        ]


def recipe(seed: int, n_histories: int = 40) -> Recipe:
    """The recipe that a number stands for."""
    random = seeded(seed)
    names = [scenario.__name__ for scenario in SCENARIOS]
    return Recipe(
        tuple(
            (random.randrange(2**31), tuple(random.choices(names, k=random.randrange(1, 7))))
            for _ in range(n_histories)
        )
    )


def histories() -> st.SearchStrategy[Recipe]:
    """Recipes of one history; a failing one shrinks to the fewest scenarios."""
    names = st.sampled_from([scenario.__name__ for scenario in SCENARIOS])
    return st.tuples(
        st.integers(0, 2**31 - 1), st.lists(names, min_size=1, max_size=6).map(tuple)
    ).map(lambda history: Recipe((history,)))


def worlds(n_histories: int = 40) -> st.SearchStrategy[Recipe]:
    """Recipes of many histories: a build takes seconds however little it builds."""
    return st.integers(0, 2**31 - 1).map(lambda seed: recipe(seed, n_histories))


def cut_into_loads(events: Sequence[RawEvent], n_loads: int, random: Random) -> list[Load]:
    """Shuffled loads: events of any time in any load, some landed a second time.

    The loader drops what it has seen, so a second landing stands for a load that did not know the
    first. One load is empty but for duplicates that were not landed.
    """
    empty = random.randrange(n_loads)
    places = [number for number in range(n_loads) if number != empty] or [0]
    loads: list[list[RawEvent]] = [[] for _ in range(n_loads)]
    for events_of_one in _by_history(events).values():
        chosen = choose_places(events_of_one, places, random)
        for event, place in zip(events_of_one, chosen, strict=True):
            loads[place].append(event)
            if random.random() < 0.03:
                loads[random.choice(places)].append(event)
    for batch in loads:
        random.shuffle(batch)
    return [
        Load(number, [event._replace(load_seq=number) for event in batch], n_duplicates=len(batch))
        for number, batch in enumerate(loads, start=1)
    ]


def choose_places(events: Sequence[RawEvent], places: Sequence[int], random: Random) -> list[int]:
    """In which load each event of one history arrives; `places` ascend.

    Half of the histories keep their order, so that corrections come last and alone.
    """
    chosen = [random.choice(places) for _ in events]
    if random.random() < 0.5:
        chosen.sort()
        seen: set[str] = set()
        for index, event in enumerate(events):
            if event.fields["event_id"] in seen:
                later = [place for place in places if place >= chosen[index]]
                chosen[index] = random.choice(later[1:] or later)
            seen.add(event.fields["event_id"])
    return chosen


def rare_corrections() -> list[list[RawEvent]]:
    """Four loads of corrections that nothing else in their threads would make good.

    In the second a query loses its user; in the third a call turns out to serve another query, in
    the fourth a vote to be about the answer of another conversation.
    """
    at, user = {"timestamp": FIRST_DAY}, {"user_id": "dan"}
    later = {"timestamp": FIRST_DAY + MINUTE}
    first = [
        RawEvent("queries", {"event_id": f"q{number}", "conversation_id": f"d{number}"} | at | user)
        for number in range(5)
    ] + [
        RawEvent("responses", {"event_id": f"r{number}", "conversation_id": f"d{number}"} | later)
        for number in range(4)
    ]
    # A day later: a vote within the visit would touch all its queries.
    voted = {"timestamp": FIRST_DAY + DAY}
    vote = {"event_id": "f1", "feedback_type": "thumbs_down"} | voted | user
    first.append(RawEvent("feedback", vote | {"conversation_id": "d0"}))
    second = [
        RawEvent("queries", {"event_id": "q4", "conversation_id": "d4", "event_version": 1} | at)
    ]
    third = [
        RawEvent(
            "responses", {"event_id": "r2", "conversation_id": "d3", "event_version": 1} | later
        ),
    ]
    fourth = [RawEvent("feedback", vote | {"conversation_id": "d1", "event_version": 1})]
    return [first, second, third, fourth]


def _by_history(events: Sequence[RawEvent]) -> dict[str, list[RawEvent]]:
    """Events by the prefix of their history."""
    found: dict[str, list[RawEvent]] = {}
    for event in events:
        found.setdefault(event.fields["event_id"].partition("-")[0], []).append(event)
    return found
