"""What may land: how text and identifiers are treated before anything is written."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from llm_analytics.privacy.policy import Policy as PrivacyPolicy
from llm_analytics.privacy.policy import TextPolicy
from llm_analytics.tracking_plan import Stream

__all__ = ["Policy", "TextPolicy"]


@dataclass(frozen=True)
class Policy:
    """What happens to texts, and the key of the ids (None: ids land as sent).

    `fields` are the texts that are treated otherwise, by stream and name; `names_model` is by which
    redacted texts lose names too; `version` is that of the privacy policy that all this comes from.
    """

    text: TextPolicy = TextPolicy.DROP
    id_key: bytes | None = None
    fields: Mapping[tuple[str, str], TextPolicy] = field(default_factory=dict)
    version: str | None = None
    names_model: str | None = None

    @classmethod
    def from_environment(cls, text: TextPolicy = TextPolicy.DROP) -> Policy:
        """The policy with the key that LLM_ANALYTICS_ID_KEY holds, if it is set and not empty."""
        return cls(text, os.environ.get("LLM_ANALYTICS_ID_KEY", "").encode() or None)

    @classmethod
    def of_source(
        cls, source: str, streams: Mapping[str, Stream], text: TextPolicy | None = None
    ) -> Policy:
        """The project's privacy policy for the streams of a source, or `text` for all its fields.

        The key of the ids is that of the environment. Raises LlmAnalyticsError if the policy cannot
        be read.
        """
        policy = PrivacyPolicy.load()
        key = cls.from_environment().id_key
        if text is not None:
            return cls(text, key, version=policy.version, names_model=policy.names_model)
        fields = {
            (stream.name, item.name): policy.text(f"{source}_{stream.name}", item.name)
            for stream in streams.values()
            for item in stream.text_fields
        }
        # Lines that were refused hold any field: they are treated by the strictest.
        order = (TextPolicy.DROP, TextPolicy.REDACT, TextPolicy.KEEP)
        strictest = min(fields.values(), key=order.index, default=policy.text(source, ""))
        others = {name: each for name, each in fields.items() if each is not strictest}
        return cls(strictest, key, others, policy.version, policy.names_model)

    def text_of(self, stream: str, name: str) -> TextPolicy:
        """What happens to a text field of a stream."""
        return self.fields.get((stream, name), self.text)

    @property
    def redacts(self) -> bool:
        """Whether any text is redacted."""
        return TextPolicy.REDACT in (self.text, *self.fields.values())

    @property
    def label(self) -> str:
        """The policy in a word: keep, redact, drop, or mixed where fields differ."""
        return "mixed" if self.fields else self.text.value

    @property
    def lands_quarantined_text(self) -> bool:
        """Whether quarantined lines may be kept: text as sent, and no ids to hide in them."""
        return self.text is TextPolicy.KEEP and self.id_key is None

    @property
    def content_salt(self) -> str:
        """What ids made from content begin with; depends on the key, does not reveal it."""
        if self.id_key is None:
            return ""
        return hmac.new(self.id_key, b"llm_analytics content id", hashlib.sha256).hexdigest()

    def pseudonym(self, identifier: str) -> str:
        """The identifier as it lands: HMAC-SHA256 in hex when a key is set, else unchanged."""
        if self.id_key is None:
            return identifier
        return hmac.new(self.id_key, identifier.encode(), hashlib.sha256).hexdigest()

    def fingerprint(self, raw: bytes) -> str:
        """SHA-256 of a raw line in hex, keyed when a key is set."""
        if self.id_key is None:
            return hashlib.sha256(raw).hexdigest()
        return hmac.new(self.id_key, raw, hashlib.sha256).hexdigest()
