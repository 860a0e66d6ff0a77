"""What is said of a text: each enricher one question, one tool with its version, one answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

from llm_analytics.errors import LlmAnalyticsError

ENGLISH, UNDETERMINED = "en", "und"
#: Less sure than this, a language is not told: of "ok" nobody can say.
_LEAST_CONFIDENCE = 0.5
#: VADER's own limits of a neutral text (Hutto and Gilbert, 2014).
_NEUTRAL = 0.05
_LEAST_TOXIC = 0.5

# What people write when something did not do what they came for. A denial before it does not count.
_COMPLAINT = re.compile(
    r"\b(?:"
    r"(?:does|did|do|is|was|are|were|ca|wo|could|would)(?: not|nnot|n't) "
    r"(?:\w+ )?(?:work|help|answer|solve|understand|load|exist|respond|listen|what i)\w*"
    r"|not what i (?:asked|wanted|meant)"
    r"|(?:still|totally|completely|just|simply|always|is|was|are|answer) "
    r"(?:wrong|incorrect|false|broken|useless|unusable|outdated)"
    r"|(?:wrong|incorrect|false|useless|terrible|horrible|awful) "
    r"(?:answer|result|number|source|citation|response|advice|code)s?"
    r"|(?:numbers|sources|facts|citations|results|links) (?:are|were|do not|don't)"
    r" (?:wrong|false|made up|exist|incorrect)"
    r"|(?:never|ignored?|ignores) (?:work|answer|my)\w*"
    r"|(?:far |way |much )?too (?:slow|long|short|vague|expensive|generic)"
    r"|disappoint(?:ed|ing)|annoy(?:ed|ing)|frustrat(?:ed|ing)|unacceptable|waste of"
    r"|made (?:it|this|that|things?) up|hallucinat\w+"
    r"|refund|money back|cancel my|complain(?:t|ing)?|bug|crash(?:es|ed)?"
    r")\b",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:no|not|never|without|isn't|cannot|can't|nothing)(?: \w+){0,2} $", re.IGNORECASE
)


@dataclass(frozen=True)
class Finding:
    """What an enricher says: a label, and a score from 0 to 1 where higher is better."""

    label: str
    score: float | None


Enrich = Callable[[Sequence[str]], list[Finding]]


@dataclass(frozen=True)
class Enricher:
    """One question about texts, to a tool that `evaluator_id` names with its version."""

    criterion: str
    evaluator_id: str
    is_english_only: bool
    enrich: Enrich


def _tool(module: str, package: str) -> tuple[Any, str]:
    """A package of the extra, and its version. Raises LlmAnalyticsError without it."""
    try:
        return import_module(module), metadata.version(package)
    except ImportError as error:
        raise LlmAnalyticsError(
            "enriching texts needs the extra `enrich`: pip install 'llm-analytics[enrich]'"
        ) from error


def language() -> Enricher:
    """The language of a text as ISO 639-1, `und` where it cannot be told."""
    langid, version = _tool("py3langid.langid", "py3langid")
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)

    def enrich(texts: Sequence[str]) -> list[Finding]:
        found = [identifier.classify(text) for text in texts]
        return [
            Finding(str(name) if sure >= _LEAST_CONFIDENCE else UNDETERMINED, None)
            for name, sure in found
        ]

    return Enricher("feedback_language", f"enrich:py3langid@{version}", False, enrich)


def sentiment() -> Enricher:
    """Positive, neutral or negative: VADER's compound value, moved to 0..1.

    Source: Hutto and Gilbert (2014), VADER: a parsimonious rule-based model for sentiment analysis.
    """
    vader, version = _tool("vaderSentiment.vaderSentiment", "vaderSentiment")
    analyser = vader.SentimentIntensityAnalyzer()

    def told(text: str) -> Finding:
        value = float(analyser.polarity_scores(text)["compound"])
        label = "neutral" if abs(value) < _NEUTRAL else ("positive" if value > 0 else "negative")
        return Finding(label, round((value + 1) / 2, 6))

    return Enricher(
        "feedback_sentiment", f"enrich:vader@{version}", True,
        lambda texts: [told(text) for text in texts],
    )  # fmt: skip


def is_complaint(text: str) -> bool:
    """Does an English text say that something did not do what it should?"""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return any(not _DENIAL.search(text[: one.start()]) for one in _COMPLAINT.finditer(text))


def complaint() -> Enricher:
    """Complaint or none: phrases, as lexicons of sentiment miss what is said without anger."""
    return Enricher(
        "feedback_complaint", "enrich:complaint@1", True,
        lambda texts: [
            Finding("complaint", 0.0) if is_complaint(text) else Finding("no_complaint", 1.0)
            for text in texts
        ],
    )  # fmt: skip


def toxicity() -> Enricher:
    """Toxic or not: a linear model of abusive comments, from one half on."""
    model, version = _tool("profanity_check", "alt-profanity-check")

    def enrich(texts: Sequence[str]) -> list[Finding]:
        return [
            Finding("toxic" if chance >= _LEAST_TOXIC else "not_toxic", round(1 - chance, 6))
            for chance in map(float, model.predict_prob(list(texts)) if texts else ())
        ]

    return Enricher("feedback_toxicity", f"enrich:profanity-check@{version}", True, enrich)


#: By the name that a person gives; the language comes first, as it decides what else is asked.
ENRICHERS: dict[str, Callable[[], Enricher]] = {
    "language": language,
    "sentiment": sentiment,
    "complaint": complaint,
    "toxicity": toxicity,
}
