"""What may land: how text and identifiers are treated before anything is written."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from enum import StrEnum


class TextPolicy(StrEnum):
    """keep: text lands as sent. redact: with personal data replaced. drop: not at all."""

    KEEP = "keep"
    REDACT = "redact"
    DROP = "drop"


@dataclass(frozen=True)
class Policy:
    """The text policy and the key of the ids (None: ids land as sent)."""

    text: TextPolicy = TextPolicy.DROP
    id_key: bytes | None = None

    @classmethod
    def from_environment(cls, text: TextPolicy) -> Policy:
        """The policy with the key that LLM_ANALYTICS_ID_KEY holds, if it is set and not empty."""
        key = os.environ.get("LLM_ANALYTICS_ID_KEY", "").encode()
        return cls(text, key or None)

    @property
    def lands_text(self) -> bool:
        """Whether text columns hold anything."""
        return self.text is not TextPolicy.DROP

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
