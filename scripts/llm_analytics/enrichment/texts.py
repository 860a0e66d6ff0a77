"""The texts of feedback that the policy kept, with the answer each is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.marts import read_rows
from llm_analytics.results import has_table
from llm_analytics.warehouse import Warehouse

#: Raw tables of feedback with a text: source, table and column of the text.
_TEXTS = (
    ("events", "events_feedback", "feedback_text"),
    ("posthog", "posthog_ai_feedback", "ai_feedback_text"),
    ("posthog", "posthog_survey_answers", "survey_answer_text"),
    ("posthog", "posthog_feedback", "feedback_text"),
    ("mixpanel", "mixpanel_feedback", "feedback_text"),
    ("amplitude", "amplitude_feedback", "feedback_text"),
    ("ga4", "ga4_feedback", "feedback_text"),
    ("langfuse", "langfuse_scores", "comment_text"),
    ("otlp", "otlp_annotations", "annotation_explanation"),
)


@dataclass(frozen=True)
class FeedbackText:
    """A text and what it is about; `response_id` as evaluations name it."""

    feedback_id: str
    text: str
    occurred_at: datetime
    response_id: str | None
    conversation_id: str | None


@dataclass(frozen=True)
class FeedbackTexts:
    """The texts, and of how many more the policy dropped the text when they were loaded."""

    kept: list[FeedbackText]
    n_dropped: int


def read_feedback_texts(warehouse: Warehouse) -> FeedbackTexts:
    """Texts of feedback of users who count, the newest of each.

    Raises LlmAnalyticsError without a build, or where feedback had texts and none was kept.
    """
    rows = read_rows(
        "select fct_feedback.feedback_id, fct_feedback.occurred_at,"
        " fct_feedback.conversation_id,"
        " coalesce(fct_responses.response_id, fct_responses.response_event_id) as response_id"
        " from marts.fct_feedback left join marts.fct_responses"
        " on fct_feedback.response_event_id = fct_responses.response_event_id"
        " where fct_feedback.text_length > 0 order by fct_feedback.feedback_id",
        "marts.fct_feedback",
        warehouse=warehouse,
    )
    texts = _raw_texts(warehouse)
    kept = [_feedback_text(row, texts) for row in rows if row["feedback_id"] in texts]
    n_dropped = len(rows) - len(kept)
    if n_dropped and not kept:
        raise LlmAnalyticsError(
            f"the texts of all {n_dropped} comments were dropped when they were loaded:"
            " load them with --text redact or --text keep"
        )
    return FeedbackTexts(kept, n_dropped)


def _feedback_text(row: dict[str, Any], texts: dict[str, str]) -> FeedbackText:
    return FeedbackText(
        row["feedback_id"], texts[row["feedback_id"]], row["occurred_at"], row["response_id"],
        row["conversation_id"],
    )  # fmt: skip


def _raw_texts(warehouse: Warehouse) -> dict[str, str]:
    """The newest text of each feedback id, as the marts name it."""
    found: dict[str, str] = {}
    for source, table, column in _TEXTS:
        if not has_table("raw", table, warehouse):
            continue
        prefix = "" if source == "events" else f"{source}:"
        rows = read_rows(
            f"select '{prefix}' || event_id as feedback_id, \"{column}\" as text"
            f' from raw."{table}" where length("{column}") > 0'
            " order by load_seq, file_number, line_number",
            f"raw.{table}",
            warehouse=warehouse,
        )
        found.update((str(row["feedback_id"]), str(row["text"])) for row in rows)
    return found
