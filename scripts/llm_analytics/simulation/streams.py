"""From what was simulated to the events of the tracking plan: a table and its fields per stream.

Columns hold numbers; a field says how a number becomes JSON. An absent value is 0 for an id and
-1 (or what the field says) elsewhere; an absent field is left out of the line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import texts
from .calls import FINISH_REASONS, FORMATS, ROLES
from .conversations import CLARIFICATION, STATUSES, conversation_numbers
from .evaluations import CRITERIA, JUDGE, JUDGE_ID, KINDS, LABELS, NO_SCORE
from .experiments import VARIANTS
from .feedback import FEEDBACK_TEXTS, TYPES
from .feedback import NO_SCORE as NO_FEEDBACK_SCORE
from .incidents import DAY_MS
from .parameters import Parameters
from .population import Window
from .product_events import event_names, goal_names
from .randomness import Bools, Columns, Integers, Randomness
from .traits import CONSENTS, TRAITS

APP_VERSIONS = tuple(f"2.{minor}.0" for minor in range(40))
APP_VERSION_DAYS = 20
EXPOSURE_PHASE = "1"


@dataclass(frozen=True)
class Stream:
    """Events of one stream: rows of `events`, and SQL expressions that make JSON of them."""

    name: str
    event: str
    events: Columns
    #: Each gives `,"field":value`, or NULL where the field is absent. The pool of paragraphs is the
    #: variable `paragraphs`.
    fragments: tuple[str, ...]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def text_pool(pool: Sequence[str], column: str) -> str:
    """SQL for the entry of a small pool, escaped for JSON; NULL for -1."""
    entries = ", ".join(_quoted(json.dumps(entry, ensure_ascii=False)[1:-1]) for entry in pool)
    return f"[{entries}][{column} + 1]"


def choice(field: str, column: str, values: Sequence[str | bool | None]) -> str:
    """SQL for a field whose value is an entry of `values`; absent for -1 and for None."""
    entries = [
        "NULL" if value is None else _quoted(f',"{field}":{json.dumps(value, ensure_ascii=False)}')
        for value in values
    ]
    return f"[{', '.join(entries)}][{column} + 1]"


def number(field: str, column: str, absent: float | None = -1) -> str:
    """SQL for a numeric field."""
    value = column if absent is None else f"nullif({column}, {absent})"
    return f"""',"{field}":' || {value}"""


def identifier(field: str, column: str, prefix: str) -> str:
    """SQL for an id: a prefix and hexadecimal digits; absent for 0."""
    return f"""',"{field}":"{prefix}' || hex(nullif({column}, 0)) || '"'"""


def epoch(field: str, column: str) -> str:
    """SQL for a time as epoch milliseconds."""
    return f"""',"{field}":' || {column}"""


def iso(field: str, column: str) -> str:
    """SQL for a time as an RFC 3339 string in UTC."""
    text = f"strftime(make_timestamp({column} * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')"
    return f"""',"{field}":"' || {text} || '"'"""


class StreamBuilder:
    """Makes each stream's table from the simulated ones."""

    def __init__(
        self,
        parameters: Parameters,
        randomness: Randomness,
        window: Window,
        users: Columns,
        sessions: Columns,
        interactions: Columns,
    ) -> None:
        self.parameters, self.randomness, self.window = parameters, randomness, window
        self.users, self.sessions, self.interactions = users, sessions, interactions
        self.features = tuple(feature.name for feature in parameters.features)

    def _envelope(
        self, stream: str, event: str, timestamp: Integers, style: str = "epoch"
    ) -> tuple[Columns, list[str]]:
        n = len(timestamp)
        columns: Columns = {
            "timestamp": timestamp.copy(),
            "event_id": self.randomness.ids(f"event {stream}", np.arange(n)),
            "event_version": np.full(n, -1, dtype=np.int64),
        }
        time = (iso if style == "iso" else epoch)("timestamp", "timestamp")
        fragments = [
            f"case when not is_timeless then {time} end",
            identifier("event_id", "event_id", f"{stream[:2]}-"),
            number("event_version", "event_version"),
        ]
        return columns, fragments

    def _who(
        self, columns: Columns, fragments: list[str], user: Integers, session: Integers | None
    ) -> None:
        """Add who did it and with what; `session` is -1 where there is none."""
        n = len(user)
        if session is None:
            session = np.full(n, -1, dtype=np.int64)
        has_session = session >= 0
        at = np.maximum(session, 0)
        is_anonymous = has_session & self.sessions["is_anonymous"][at]
        is_plain = has_session & self.sessions["is_plain"][at]
        days = (columns["timestamp"] - self.window.start_ms) // (APP_VERSION_DAYS * DAY_MS)
        columns.update(
            user_id=np.where(is_anonymous, np.uint64(0), self.users["user_id"][user]),
            anonymous_id=np.where(is_anonymous, self.users["anonymous_id"][user], np.uint64(0)),
            account_id=np.where(is_plain, np.uint64(0), self.users["account_id"][user]),
            platform=np.where(is_plain, -1, self.users["platform"][user]),
            app_version=np.where(is_plain, -1, np.clip(days, 0, len(APP_VERSIONS) - 1)),
            rich=np.where(is_plain, -1, 0),
            session_id=np.where(has_session, self.sessions["session_id"][at], np.uint64(0)),
        )
        columns["event_id"] = np.where(is_plain, np.uint64(0), columns["event_id"])
        versions = choice("app_version", "app_version", APP_VERSIONS)
        resent = choice("app_version", "app_version", [f"{name}+resent" for name in APP_VERSIONS])
        fragments += [
            identifier("user_id", "user_id", "u-"),
            identifier("anonymous_id", "anonymous_id", "a-"),
            identifier("account_id", "account_id", "org-"),
            choice("app_id", "rich", ("assistant",)),
            choice("environment", "rich", ("production",)),
            choice("platform", "platform", [name for name, _ in self.parameters.platforms]),
            f"case when is_resent < 0 then {versions} else {resent} end",
        ]

    def _rich_only(self, values: NDArray[Any], is_plain: Bools, absent: float = -1) -> NDArray[Any]:
        return np.where(is_plain, values.dtype.type(absent), values)

    def queries(self) -> Stream:
        """Messages of users."""
        table = self.interactions
        columns, fragments = self._envelope("queries", "llm_query_sent", table["asked_at"])
        self._who(columns, fragments, table["user"], table["session"])
        is_plain = table["is_plain"]
        conversation = self.randomness.ids("conversation", conversation_numbers(table))
        trace = self.randomness.ids("trace", np.arange(len(is_plain)))
        turn = np.where(is_plain, table["turn"], table["conversation_turn"])
        columns.update(
            conversation_id=self._rich_only(conversation, is_plain, 0),
            trace_id=self._rich_only(trace, is_plain, 0),
            conversation_turn=turn,
            query_kind=self._rich_only(table["kind"], is_plain),
            clarifies=np.where((table["kind"] == CLARIFICATION) & ~is_plain, 0, -1),
            feature=self._rich_only(table["feature"], is_plain),
            query_length=table["text_length"],
            **{part: table[part] for part in ("opener", "task", "subject", "detail", "rewording")},
        )
        pools = (
            text_pool(texts.OPENERS, "opener"),
            text_pool(texts.TASKS, "task"),
            text_pool(texts.SUBJECTS, "subject"),
            text_pool(texts.DETAILS, "detail"),
        )
        words = " || ' ' || ".join(pools) + f" || {text_pool(texts.REWORDINGS, 'rewording')}"
        fragments += [
            identifier("session_id", "session_id", "s-"),
            identifier("conversation_id", "conversation_id", "c-"),
            identifier("trace_id", "trace_id", "t-"),
            number("conversation_turn", "conversation_turn"),
            choice("query_kind", "query_kind", ("new", "regenerate", "edit", "new", "new")),
            choice("is_clarification", "clarifies", (True,)),
            choice("feature", "feature", self.features),
            f"""',"query_text":"' || {words} || '"'""",
            number("query_length", "query_length"),
        ]
        return Stream("queries", "llm_query_sent", columns, tuple(fragments))

    def responses(self, calls: Columns) -> Stream:
        """Calls of models."""
        at = calls["interaction"]
        # The guide's tracker sends answers alone, without ids and with one number of tokens.
        sent = np.nonzero(~self.interactions["is_plain"][at] | (calls["role"] == 0))[0]
        calls = {name: values[sent] for name, values in calls.items()}
        at = calls["interaction"]
        table = self.interactions
        is_plain = table["is_plain"][at]
        columns, fragments = self._envelope(
            "responses", "llm_response_generated", calls["timestamp"], "iso"
        )
        self._who(columns, fragments, table["user"][at], table["session"][at])
        models = [model.name for model in self.parameters.models]
        providers = [model.provider for model in self.parameters.models]
        named = [*models, self.parameters.defects.unknown_model]
        numbers = conversation_numbers(table)[at]
        query = self.randomness.ids("event queries", at)
        trace = self.randomness.ids("trace", at)
        turn = np.where(is_plain, table["turn"][at], table["conversation_turn"][at])
        rich = self._rich_only
        is_failed = calls["status"] != 0
        columns.update(
            conversation_id=rich(self.randomness.ids("conversation", numbers), is_plain, 0),
            trace_id=rich(trace, is_plain, 0),
            query_id=rich(query, is_plain, 0),
            response_id=rich(calls["response_id"], is_plain, 0),
            parent_response_id=rich(calls["parent_response_id"], is_plain, 0),
            conversation_turn=turn,
            call_role=rich(calls["role"], is_plain),
            attempt_number=rich(calls["attempt"], is_plain),
            paragraph=calls["paragraph"],
            answer_opener=calls["answer_opener"],
            response_length=calls["response_length"],
            response_format=rich(calls["format"], is_plain),
            citation_count=rich(calls["citation_count"], is_plain),
            provider=rich(calls["model"], is_plain),
            request_model=rich(calls["model"], is_plain),
            response_model=rich(calls["model"], is_plain),
            model_version=np.where(is_plain, calls["model"], -1),
            unknown_model=np.full(len(at), len(models), dtype=np.int64),
            tokens_used=np.where(
                is_plain, calls["total_input_tokens"] + calls["output_tokens"], -1
            ),
            input_tokens=rich(calls["input_tokens"], is_plain),
            cache_read_tokens=rich(calls["cache_read_tokens"], is_plain),
            cache_write_tokens=rich(calls["cache_write_tokens"], is_plain),
            output_tokens=rich(calls["output_tokens"], is_plain),
            reasoning_tokens=rich(calls["reasoning_tokens"], is_plain),
            token_convention=rich(calls["is_exclusive"].astype(np.int64), is_plain),
            latency_ms=calls["latency_ms"],
            client_latency_ms=rich(calls["client_latency_ms"], is_plain),
            time_to_first_token_ms=rich(calls["time_to_first_token_ms"], is_plain),
            # The bare tracker says how a call ended only when it failed.
            status=np.where(is_plain & ~is_failed, -1, calls["status"]),
            error_type=calls["status"],
            finish_reason=rich(calls["finish_reason"], is_plain),
            prompt_version=np.where(
                is_plain | (calls["role"] != 0),
                -1,
                (calls["timestamp"] >= self.window.moment(0.4)).astype(np.int64),
            ),
            tool_call_count=rich(calls["tool_call_count"], is_plain),
            tool_cost_usd=np.where(calls["tool_cost_usd"] > 0, calls["tool_cost_usd"], -1.0),
            logged_cost_usd=rich(calls["logged_cost_usd"], is_plain),
            feature=rich(table["feature"][at], is_plain),
        )
        errors = (None, "server_error", "timeout", "malformed_response", "content_filter")
        start = text_pool(texts.ANSWER_OPENERS, "answer_opener")
        text = f"{start} || getvariable('paragraphs')[paragraph + 1]"
        fragments += [
            identifier("session_id", "session_id", "s-"),
            identifier("conversation_id", "conversation_id", "c-"),
            identifier("trace_id", "trace_id", "t-"),
            number("conversation_turn", "conversation_turn"),
            identifier("response_id", "response_id", "r-"),
            identifier("query_id", "query_id", "qu-"),
            identifier("parent_response_id", "parent_response_id", "r-"),
            choice("call_role", "call_role", ROLES),
            number("attempt_number", "attempt_number"),
            f"""',"response_text":"' || {text} || '"'""",
            number("response_length", "response_length"),
            choice("response_format", "response_format", FORMATS),
            number("citation_count", "citation_count"),
            choice("provider", "provider", providers),
            choice("model_version", "model_version", named),
            choice("request_model", "request_model", models),
            choice("response_model", "response_model", named),
            number("tokens_used", "tokens_used"),
            number("input_tokens", "input_tokens"),
            number("cache_read_tokens", "cache_read_tokens"),
            number("cache_write_tokens", "cache_write_tokens"),
            number("output_tokens", "output_tokens"),
            number("reasoning_tokens", "reasoning_tokens"),
            choice("token_convention", "token_convention", ("inclusive", "exclusive")),
            number("latency_ms", "latency_ms", None),
            number("client_latency_ms", "client_latency_ms"),
            number("time_to_first_token_ms", "time_to_first_token_ms"),
            choice("status", "status", STATUSES),
            choice("error_type", "error_type", errors),
            choice("finish_reason", "finish_reason", FINISH_REASONS),
            choice("prompt_name", "case when prompt_version >= 0 then 0 else -1 end", ("answer",)),
            choice("prompt_version", "prompt_version", ("v1", "v2")),
            number("tool_call_count", "tool_call_count"),
            number("tool_cost_usd", "tool_cost_usd"),
            number("logged_cost_usd", "logged_cost_usd"),
            choice("feature", "feature", self.features),
        ]
        return Stream("responses", "llm_response_generated", columns, tuple(fragments))

    def feedback(self, feedback: Columns, calls: Columns) -> Stream:
        """What users say and show."""
        session, call = feedback["session"], feedback["call"]
        columns, fragments = self._envelope("feedback", "response_feedback", feedback["timestamp"])
        self._who(columns, fragments, self.sessions["user"][session], session)
        has_call = call >= 0
        is_plain = self.sessions["is_plain"][session]
        number_of = session * 64 + np.maximum(feedback["conversation"], 0)
        conversation = self.randomness.ids("conversation", number_of)
        response = calls["response_id"][np.maximum(call, 0)]
        columns.update(
            conversation_id=np.where(has_call & ~is_plain, conversation, np.uint64(0)),
            response_id=np.where(has_call & ~is_plain, response, np.uint64(0)),
            feedback_type=feedback["type"],
            feedback_score=feedback["score"],
            text=feedback["text"],
            survey=np.where(feedback["type"] == TYPES.index("csat"), 0, feedback["survey"]),
        )
        is_nps = feedback["type"] == TYPES.index("nps")
        columns["is_nps"] = is_nps
        notes = [None, *FEEDBACK_TEXTS[1:]]
        fragments += [
            identifier("session_id", "session_id", "s-"),
            identifier("conversation_id", "conversation_id", "c-"),
            identifier("response_id", "response_id", "r-"),
            choice("feedback_type", "feedback_type", TYPES),
            number("feedback_score", "feedback_score", NO_FEEDBACK_SCORE),
            choice("feedback_text", "text", notes),
            # 0 is the month of a CSAT, a positive number is a wave of NPS.
            """case
                when is_nps then ',"survey_id":"nps-' || survey || '"'
                when survey = 0 then ',"survey_id":"csat-'
                    || strftime(make_timestamp(timestamp * 1000), '%Y-%m') || '"'
            end""",
        ]
        return Stream("feedback", "response_feedback", columns, tuple(fragments))

    def product_events(self, events: Columns) -> Stream:
        """Anything else that users did."""
        columns, fragments = self._envelope(
            "product_events", "product_event", events["timestamp"], "iso"
        )
        self._who(columns, fragments, events["user"], events["session"])
        names = event_names(self.parameters)
        # These are sent by the product's own servers, which know the user and mint ids.
        n = len(events["user"])
        columns["event_id"] = self.randomness.ids("event product_events", np.arange(n))
        by_account = np.isin(
            events["name"], [names.index(name) for name in ("signed_up", "purchase", "refund")]
        )
        user_id = self.users["user_id"][events["user"]]
        columns["user_id"] = np.where(by_account, user_id, columns["user_id"])
        columns["session_id"] = np.where(
            events["is_user_action"] == 1, columns["session_id"], np.uint64(0)
        )
        currencies = dict(self.parameters.currencies)
        currency_of = [currencies.get(name, "USD") for name, _ in self.parameters.countries]
        known = sorted(set(currency_of))
        of_country = np.array([known.index(currency) for currency in currency_of])
        has_amount = events["amount"] != 0
        columns.update(
            name=events["name"],
            is_user_action=events["is_user_action"],
            goal=events["goal"],
            feature=events["feature"],
            amount=events["amount"],
            currency=np.where(has_amount, of_country[self.users["country"][events["user"]]], -1),
        )
        fragments += [
            identifier("session_id", "session_id", "s-"),
            choice("name", "name", names),
            choice("is_user_action", "is_user_action", (False, True)),
            choice("goal", "goal", goal_names(self.parameters)),
            choice("feature", "feature", self.features),
            number("amount", "amount", 0),
            choice("currency", "currency", known),
        ]
        return Stream("product_events", "product_event", columns, tuple(fragments))

    def exposures(self, exposures: Columns) -> Stream:
        """Users who see a variant."""
        columns, fragments = self._envelope(
            "exposures", "experiment_exposure", exposures["timestamp"], "iso"
        )
        session = exposures["session"]
        self._who(columns, fragments, self.sessions["user"][session], session)
        columns["event_id"] = self.randomness.ids("event exposures", np.arange(len(session)))
        columns.update(experiment=exposures["experiment"], variant=exposures["variant"])
        names = [experiment.name for experiment in self.parameters.experiments]
        fragments += [
            identifier("session_id", "session_id", "s-"),
            choice("experiment_id", "experiment", names),
            choice("variant", "variant", VARIANTS),
            f"""',"allocation_phase":"{EXPOSURE_PHASE}"'""",
        ]
        return Stream("exposures", "experiment_exposure", columns, tuple(fragments))

    def evaluations(self, evaluations: Columns, calls: Columns) -> Stream:
        """Scores of answers."""
        columns, fragments = self._envelope(
            "evaluations", "response_evaluated", evaluations["timestamp"], "iso"
        )
        call = evaluations["call"]
        at = calls["interaction"][call]
        numbers = conversation_numbers(self.interactions)[at]
        is_judge = evaluations["kind"] == JUDGE
        columns.update(
            response_id=calls["response_id"][call],
            conversation_id=self.randomness.ids("conversation", numbers),
            criterion=evaluations["criterion"],
            kind=evaluations["kind"],
            rater=np.where(
                is_judge, self.parameters.evaluation.n_human_raters, evaluations["rater"]
            ),
            score=evaluations["score"],
            label=evaluations["label"],
        )
        raters = [f"rater-{i + 1}" for i in range(self.parameters.evaluation.n_human_raters)]
        fragments += [
            identifier("conversation_id", "conversation_id", "c-"),
            identifier("response_id", "response_id", "r-"),
            choice("criterion", "criterion", CRITERIA),
            """',"rubric":"answers","rubric_version":"1"'""",
            choice("evaluator_id", "rater", [*raters, JUDGE_ID]),
            choice("evaluator_kind", "kind", KINDS),
            number("score", "score", NO_SCORE),
            choice("label", "label", LABELS),
        ]
        return Stream("evaluations", "response_evaluated", columns, tuple(fragments))

    def identities(self, identities: Columns) -> Stream:
        """Aliases that belong to users."""
        columns, fragments = self._envelope(
            "identities", "identity_linked", identities["timestamp"], "iso"
        )
        columns.update(user_id=self.users["user_id"][identities["user"]], alias=identities["alias"])
        fragments += [identifier("alias_id", "alias", "a-"), identifier("user_id", "user_id", "u-")]
        return Stream("identities", "identity_linked", columns, tuple(fragments))

    def user_traits(self, traits: Columns) -> Stream:
        """Attributes of users."""
        columns, fragments = self._envelope(
            "user_traits", "user_trait_set", traits["timestamp"], "iso"
        )
        columns.update(
            user_id=self.users["user_id"][traits["user"]],
            trait=traits["trait"],
            value=traits["value"],
        )
        countries = choice("value", "value", [name for name, _ in self.parameters.countries])
        day = "strftime(make_timestamp(value * 1000), '%Y-%m-%d')"
        fragments += [
            identifier("user_id", "user_id", "u-"),
            choice("trait", "trait", TRAITS),
            f"""case trait
                when {TRAITS.index("signed_up")} then ',"value":"' || {day} || '"'
                when {TRAITS.index("country")} then {countries}
                when {TRAITS.index("plan")} then {choice("value", "value", ("free", "pro"))}
                else ',"value":"true"'
            end""",
        ]
        return Stream("user_traits", "user_trait_set", columns, tuple(fragments))

    def consents(self, consents: Columns) -> Stream:
        """Choices about analytics."""
        columns, fragments = self._envelope(
            "consents", "consent_changed", consents["timestamp"], "iso"
        )
        columns.update(user_id=self.users["user_id"][consents["user"]], consent=consents["consent"])
        fragments += [
            identifier("user_id", "user_id", "u-"),
            choice("consent", "consent", CONSENTS),
        ]
        return Stream("consents", "consent_changed", columns, tuple(fragments))

    def infrastructure_usage(self, usage: Columns) -> Stream:
        """What the product's own machines cost."""
        columns, fragments = self._envelope(
            "infrastructure_usage", "infrastructure_used", usage["timestamp"], "iso"
        )
        for name in ("resource", "started_at", "cost_usd", "utilisation"):
            columns[name] = usage[name]
        fragments += [
            choice("resource", "resource", [name for name, _ in self.parameters.resources]),
            iso("started_at", "started_at"),
            number("cost_usd", "cost_usd", None),
            number("utilisation", "utilisation", None),
        ]
        return Stream("infrastructure_usage", "infrastructure_used", columns, tuple(fragments))

    def probes(self, probes: Columns) -> Stream:
        """Heartbeats of the service."""
        columns, fragments = self._envelope("probes", "service_probed", probes["timestamp"], "iso")
        columns.update(is_up=probes["is_up"], latency_ms=probes["latency_ms"])
        fragments += [
            """',"service":"assistant-api"'""",
            choice("is_up", "is_up", (False, True)),
            number("latency_ms", "latency_ms"),
        ]
        return Stream("probes", "service_probed", columns, tuple(fragments))
