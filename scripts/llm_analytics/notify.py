"""Messages to people, through the services that LLM_ANALYTICS_NOTIFY names (extra `notify`)."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from llm_analytics.errors import LlmAnalyticsError

VARIABLE = "LLM_ANALYTICS_NOTIFY"


@dataclass(frozen=True)
class Message:
    """What one message says; the body is plain text unless `is_html`."""

    title: str
    body: str
    #: As apprise calls them: info, success, warning or failure.
    level: str = "info"
    is_html: bool = False
    attachments: Sequence[Path] = field(default=())


class Channel(Protocol):
    """One place that messages go to."""

    @property
    def name(self) -> str:
        """What it may be called in output: its service, never its address."""

    @property
    def digest(self) -> str:
        """What tells it from the others in a state file, without its secrets."""

    def send(self, message: Message) -> bool:
        """Was the message taken? No error is raised where it was not."""


@dataclass(frozen=True)
class AppriseChannel:
    """One URL of a service, as apprise writes them."""

    name: str
    digest: str
    _service: Any = field(repr=False)

    def send(self, message: Message) -> bool:
        """Hand the message to the service."""
        from apprise import NotifyFormat

        taken = self._service.notify(
            title=message.title,
            body=message.body,
            notify_type=message.level,
            body_format=NotifyFormat.HTML if message.is_html else NotifyFormat.TEXT,
            attach=[str(path) for path in message.attachments] or None,
        )
        return bool(taken)


def channels() -> list[AppriseChannel]:
    """The services that the environment names, at least one.

    URLs hold secrets, so they come from LLM_ANALYTICS_NOTIFY alone, and no error shows one. Raises
    LlmAnalyticsError without any, for one that apprise does not know, or without the extra.
    """
    try:
        import apprise
        from apprise.utils import parse
    except ImportError as error:
        raise LlmAnalyticsError(
            "messages need the extra `notify`: pip install 'llm-analytics[notify]'"
        ) from error
    # What apprise logs of a failed delivery may name the address.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    urls = parse.parse_urls(os.environ.get(VARIABLE, ""))  # type: ignore[no-untyped-call]
    found = []
    for place, url in enumerate(urls, 1):
        service = apprise.Apprise()
        if not service.add(url):
            raise LlmAnalyticsError(f"{VARIABLE}: URL {place} is of no service that apprise knows")
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        found.append(AppriseChannel(url.partition("://")[0], digest, service))
    if not found:
        raise LlmAnalyticsError(f"{VARIABLE} names no service to send to")
    return found
