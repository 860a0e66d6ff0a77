"""Which notices are due, and sending each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from llm_analytics.alerts.memory import Book, Memory, Status
from llm_analytics.alerts.troubles import Trouble
from llm_analytics.notify import Channel, Message

_LEVELS = {"critical": "failure", "warning": "warning", "info": "info"}


class Kind(StrEnum):
    """What a notice says of a trouble."""

    OPENED = "opened"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Notice:
    """One notice, and whether every channel took it."""

    kind: Kind
    rule: str
    value: str
    severity: str
    opened_at: datetime
    message: Message
    is_delivered: bool = False


def remember(
    book: Book, troubles: Sequence[Trouble], now: datetime, max_age: timedelta
) -> list[tuple[Memory, Trouble | None]]:
    """Bring the memories up to what is wrong now; each with its trouble, None if it is gone.

    What was last seen more than `max_age` before `now` is acknowledged and never told, and so is,
    in a new book, all that is over: a first load of years of history is no news. A trouble is known
    again by its rule, value and overlap in time, for a late event may move its start.
    """
    pairs: list[tuple[Memory, Trouble | None]] = []
    left = list(book.memories)
    for trouble in troubles:
        known = [each for each in left if _is_same(each, trouble)]
        left = [each for each in left if each not in known]
        is_recent = now - trouble.last_seen_at <= max_age
        is_news = is_recent and (trouble.resolved_at is None or not book.is_new)
        memory = _merged(known) if known else _new(trouble, is_news)
        memory.severity = trouble.severity
        memory.opened_at, memory.last_seen_at = trouble.opened_at, trouble.last_seen_at
        if memory.status is Status.PENDING and not is_recent:
            memory.status = Status.ACKNOWLEDGED  # nobody could be told in time
        elif trouble.resolved_at is None and is_recent and _is_to_be_told_again(memory):
            memory.status, memory.is_over, memory.reached = Status.PENDING, False, []
        pairs.append((memory, trouble))
    for memory in left:  # late events, or another rule, took it away
        if memory.reached and memory.status is Status.PENDING:
            memory.status, memory.reached = Status.TOLD, []
        if memory.status is not Status.PENDING:
            pairs.append((memory, None))
    book.memories = [memory for memory, _ in pairs]
    return pairs


def deliver(
    book: Book, pairs: Sequence[tuple[Memory, Trouble | None]], channels: Sequence[Channel]
) -> Iterator[Notice]:
    """Send what is due, one notice at a time; after each channel that takes one, save the book.

    So a notice is sent once, unless the command is killed between the two: then once more. What a
    channel does not take is due for that channel again at the next run. Without channels nothing is
    sent, and notices come as if they had been.
    """
    for memory, trouble in pairs:
        while (kind := _due(memory, trouble)) is not None:
            message = _message(kind, memory, trouble)
            is_delivered = _send(book, memory, message, channels)
            given = (memory.rule, memory.value, memory.severity, memory.opened_at)
            yield Notice(kind, *given, message, is_delivered)
            if not is_delivered and channels:
                break
            if kind is Kind.OPENED:
                memory.status = Status.TOLD
            else:
                memory.is_over = True
            memory.reached = []
            book.save()


def _send(book: Book, memory: Memory, message: Message, channels: Sequence[Channel]) -> bool:
    """Did every channel take it, now or in a run before?"""
    for channel in channels:
        if channel.digest not in memory.reached and channel.send(message):
            memory.reached.append(channel.digest)
            book.save()
    return bool(channels) and all(channel.digest in memory.reached for channel in channels)


def _is_same(memory: Memory, trouble: Trouble) -> bool:
    return (
        (memory.rule, memory.value) == (trouble.rule, trouble.value)
        and memory.opened_at <= trouble.last_seen_at
        and trouble.opened_at <= memory.last_seen_at
    )


def _new(trouble: Trouble, is_news: bool) -> Memory:
    return Memory(
        trouble.rule,
        trouble.value,
        trouble.severity,
        trouble.opened_at,
        trouble.last_seen_at,
        Status.PENDING if is_news else Status.ACKNOWLEDGED,
    )


def _merged(known: Sequence[Memory]) -> Memory:
    """Of several that turned out to be one, the one that people know most of."""
    order = (Status.TOLD, Status.PENDING, Status.ACKNOWLEDGED)
    return min(known, key=lambda each: (order.index(each.status), each.is_over))


def _is_to_be_told_again(memory: Memory) -> bool:
    """Open now, but taken for history or for over."""
    return memory.status is Status.ACKNOWLEDGED or (memory.status is Status.TOLD and memory.is_over)


def _due(memory: Memory, trouble: Trouble | None) -> Kind | None:
    """The next notice of it; None if all was said."""
    if memory.status is Status.PENDING:
        return Kind.OPENED
    is_gone = trouble is None or trouble.resolved_at is not None
    if memory.status is Status.TOLD and is_gone and not memory.is_over:
        return Kind.RESOLVED
    return None


def _message(kind: Kind, memory: Memory, trouble: Trouble | None) -> Message:
    about = f"{memory.rule} ({memory.value})" if memory.value else memory.rule
    if kind is Kind.OPENED:
        body = "\n".join(trouble.lines) if trouble else ""
        return Message(f"[{memory.severity}] {about}", body, _LEVELS.get(memory.severity, "info"))
    if trouble is None:
        body = "It is no longer seen."
    else:
        body = f"A quiet window ended {trouble.resolved_at:%Y-%m-%d %H:%M} UTC."
    body += f"\nIt was firing since {memory.opened_at:%Y-%m-%d %H:%M} UTC."
    return Message(f"[resolved] {about}", body, "success")
