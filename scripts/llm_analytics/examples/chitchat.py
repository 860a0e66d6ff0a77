"""The Chit-Chat data set: chats of volunteers, as the queries and ratings of a product.

Origin: PyPI package `chitchat-dataset` (MIT), BYU Perception, Control and Cognition Laboratory;
Myers, Etchart and Fulda, "Conversational Scaffolding". Two people write in a conversation, so both
are users and there are no responses of a model.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.examples.writer import Event

PACKAGE = "chitchat_dataset"


def packaged_path() -> Path:
    """The data set in the installed package. Raises LlmAnalyticsError if it is not installed."""
    # Looked up, not imported: the package reads a file of 50 MB for each of its classes.
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise LlmAnalyticsError(
            "chitchat-dataset is not installed (pip install it), and no dataset.json is named"
        )
    return Path(package.origin).with_name("dataset.json")


def read_conversations(path: Path) -> dict[str, Any]:
    """Conversations by id, as published. Raises LlmAnalyticsError if the file has another form."""
    try:
        conversations = json.loads(path.read_bytes())
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise LlmAnalyticsError(f"{path} is not JSON: {error}") from error
    if not isinstance(conversations, dict) or not all(
        isinstance(conversation, dict) and _is_conversation(conversation)
        for conversation in conversations.values()
    ):
        raise LlmAnalyticsError(f"{path} is not the Chit-Chat data set: no chats by their ids")
    return conversations


def query_events(conversations: dict[str, Any]) -> Iterator[Event]:
    """One query per message, in the order of time.

    Ids and numbers are minted: the data set has none, times are whole seconds, and hundreds of
    messages repeat word for word within their second. The event id is the conversation's id and the
    message's number in it. The sequence number runs over the whole data set, so it orders the
    messages of a person as well as those of a conversation.
    """
    messages = [
        (utterance["timestamp"], conversation_id, number, utterance)
        for conversation_id, conversation in conversations.items()
        for number, utterance in enumerate(_utterances(conversation), start=1)
    ]
    messages.sort(key=lambda message: message[0])  # stable: as published within a second
    for sequence_number, (sent_at, conversation_id, number, utterance) in enumerate(messages, 1):
        yield {
            "event": "llm_query_sent",
            "timestamp": sent_at,
            "event_id": f"{conversation_id}:{number}",
            "sequence_number": sequence_number,
            "user_id": utterance["sender"],
            "app_id": "chitchat",
            "conversation_id": conversation_id,
            "query_text": utterance["text"],
            "query_length": len(utterance["text"]),
        }


def feedback_events(conversations: dict[str, Any]) -> Iterator[Event]:
    """One rating per slider of a rated conversation: 1 to 10, 5 is an untouched one.

    The data set does not say who rated or when: there is no user, and the time is that of the last
    message. `survey_id` is the slider: witty, interesting or upbeat.
    """
    for conversation_id, conversation in conversations.items():
        utterances = list(_utterances(conversation))
        if not utterances:
            continue
        for slider, score in (conversation.get("ratings") or {}).items():
            yield {
                "event": "response_feedback",
                "timestamp": utterances[-1]["timestamp"],
                "event_id": f"{conversation_id}:{slider}",
                "app_id": "chitchat",
                "conversation_id": conversation_id,
                "feedback_type": "rating",
                "feedback_score": score,
                "survey_id": slider,
            }


def _is_conversation(conversation: dict[str, Any]) -> bool:
    """Does it hold turns of messages that each say who wrote what and when, and maybe ratings?"""
    turns = conversation.get("messages")
    return (
        isinstance(turns, list)
        and all(isinstance(turn, list) for turn in turns)
        and all(
            isinstance(utterance, dict)
            and all(isinstance(utterance.get(key), str) for key in ("sender", "text", "timestamp"))
            for utterance in _utterances(conversation)
        )
        and isinstance(conversation.get("ratings") or {}, dict)
    )


def _utterances(conversation: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The messages of a conversation in order; they are published grouped by turns."""
    for turn in conversation["messages"]:
        yield from turn
