"""The privacy policy: one file, seeds/privacy_policy.csv, that dbt and the commands both read.

A row is a rule, what it is about, and its value; `*` is every stream or field, and the row that
names more decides (the stream before the field). Where no row speaks, the strictest default does.
"""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.warehouse import project_root

COLUMNS = ("rule", "stream", "field", "value")
ANY = "*"


class TextPolicy(StrEnum):
    """keep: text lands as sent. redact: with personal data replaced. drop: not at all."""

    KEEP = "keep"
    REDACT = "redact"
    DROP = "drop"


class Consent(StrEnum):
    """opt_in: an event counts only after its user agreed. opt_out: until its user refuses."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"


class OptOut(StrEnum):
    """What a refusal takes out of the marts: all that the user ever did, or what follows it."""

    ALL_HISTORY = "all_history"
    FROM_EVENT = "from_event"


#: Streams whose events are about somebody, so that consent may be asked for.
PERSONAL_STREAMS = (
    "queries", "responses", "feedback", "product_events", "exposures", "evaluations",
    "user_traits",
)  # fmt: skip

_OFF = "off"
# What holds where the file says nothing. A text is kept for a year at most.
DEFAULTS = {
    "text": TextPolicy.DROP.value,
    "keep_days": "365",
    "minimum_cohort": "10",
    "consent": Consent.OPT_OUT.value,
    "opt_out": OptOut.ALL_HISTORY.value,
    "redact_names": _OFF,
}
_PER_FIELD = ("text", "keep_days")
_CHOICES: dict[str, type[StrEnum]] = {"text": TextPolicy, "consent": Consent, "opt_out": OptOut}


@dataclass(frozen=True)
class Rule:
    """A row of the policy. `stream` is a raw table without its schema, such as events_queries.

    For consent it is a stream, such as queries, whatever source its events are from.
    """

    rule: str
    stream: str
    field: str
    value: str

    @property
    def weight(self) -> int:
        """How much the row names: of two that apply, the heavier decides."""
        return 2 * (self.stream != ANY) + (self.field != ANY)

    def applies(self, rule: str, stream: str, field: str) -> bool:
        """Whether the row speaks about this."""
        return self.rule == rule and self.stream in (ANY, stream) and self.field in (ANY, field)


@dataclass(frozen=True)
class Policy:
    """All rules of the policy."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def load(cls, path: Path | None = None) -> Policy:
        """The policy of a file, by default that of LLM_ANALYTICS_PRIVACY_POLICY or the project.

        Outside a project, where there is no file, the defaults hold. Raises LlmAnalyticsError for a
        file that cannot be read or holds what is no rule.
        """
        named = os.environ.get("LLM_ANALYTICS_PRIVACY_POLICY", "").strip()
        place = path or Path(named or project_root() / "seeds" / "privacy_policy.csv")
        if path is None and not named and not place.exists():
            return cls()
        try:
            with place.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                if tuple(reader.fieldnames or ()) != COLUMNS:
                    raise LlmAnalyticsError(
                        f"{place.name}: the columns must be {', '.join(COLUMNS)}"
                    )
                rules = tuple(_rule(place, reader.line_num, row) for row in reader)
        except (OSError, UnicodeDecodeError) as error:
            raise LlmAnalyticsError(f"cannot read the privacy policy {place}: {error}") from error
        seen = {(one.rule, one.stream, one.field) for one in rules}
        if len(seen) < len(rules):
            raise LlmAnalyticsError(f"{place.name}: a rule is given twice for the same fields")
        return cls(rules)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits that change when a rule does, but not with the order of the rows."""
        lines = sorted(f"{one.rule},{one.stream},{one.field},{one.value}" for one in self.rules)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    @property
    def minimum_cohort(self) -> int:
        """Fewest users or events that a published figure may be about."""
        return int(self._value("minimum_cohort"))

    @property
    def opt_out(self) -> OptOut:
        """What a refusal takes out of the marts."""
        return OptOut(self._value("opt_out"))

    @property
    def names_model(self) -> str | None:
        """The language model by which redacted texts lose names too; None if they do not."""
        model = self._value("redact_names")
        return None if model == _OFF else model

    def consent(self, stream: str) -> Consent:
        """What the events of a stream need to count."""
        return Consent(self._value("consent", stream))

    def text(self, stream: str, field: str) -> TextPolicy:
        """What happens to a text field of a raw table."""
        return TextPolicy(self._value("text", stream, field))

    def keep_days(self, stream: str, field: str) -> int:
        """Days after its load for which a text field of a raw table is kept."""
        return int(self._value("keep_days", stream, field))

    def _value(self, rule: str, stream: str = "", field: str = "") -> str:
        found = [one for one in self.rules if one.applies(rule, stream, field)]
        return max(found, key=lambda one: one.weight).value if found else DEFAULTS[rule]


def _rule(place: Path, number: int, row: dict[str, str | None]) -> Rule:
    """A checked row. Raises LlmAnalyticsError that names the line."""
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    rule = Rule(**cells)
    problem = _problem(rule)
    if None in row.values() or problem:
        raise LlmAnalyticsError(f"{place.name}, line {number}: {problem or 'a cell is missing'}")
    return rule


def _problem(rule: Rule) -> str | None:
    """What is wrong with a row, if anything."""
    if rule.rule not in DEFAULTS:
        return f"unknown rule {rule.rule!r}; known: {', '.join(DEFAULTS)}"
    if not rule.stream or not rule.field:
        return "stream and field must be named, or * for all"
    if rule.rule == "consent":
        if rule.stream not in (ANY, *PERSONAL_STREAMS):
            known = ", ".join(PERSONAL_STREAMS)
            return f"consent is about * or one of {known}, not {rule.stream!r}"
        if rule.field != ANY:
            return "consent is for all fields: write *"
    elif rule.rule not in _PER_FIELD and (rule.stream, rule.field) != (ANY, ANY):
        return f"{rule.rule} is for all streams and fields: write *"
    choices = _CHOICES.get(rule.rule)
    if choices:
        if rule.value not in list(choices):
            return f"{rule.rule} is one of {', '.join(choices)}, not {rule.value!r}"
    elif rule.rule == "redact_names":
        if not rule.value:
            return f"redact_names is {_OFF} or a model of spaCy"
    elif not (rule.value.isascii() and rule.value.isdigit() and 1 <= int(rule.value) <= 100_000):
        return f"{rule.rule} is a whole number from 1 to 100000, not {rule.value!r}"
    return None
