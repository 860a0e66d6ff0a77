"""The numbers that are choices, as the metric catalogue gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal


@dataclass(frozen=True)
class Settings:
    """Defaults of every choice. The reporting zone is UTC here."""

    session_gap: timedelta = timedelta(minutes=30)
    oversized_session: timedelta = timedelta(hours=72)
    refinement_window: timedelta = timedelta(minutes=5)
    follow_up_window: timedelta = timedelta(minutes=30)
    similarity_threshold: Decimal = Decimal("0.6")
    slow_answer_ms: int = 5000
    answer_due: timedelta = timedelta(seconds=120)
    input_token_share: Decimal = Decimal("0.75")
    max_retention_days: int = 90


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens of a model, on the days [valid_from, valid_to)."""

    provider: str
    model: str
    match: str
    valid_from: date
    valid_to: date | None
    input: Decimal | None
    cache_read: Decimal | None
    cache_write: Decimal | None
    output: Decimal | None


@dataclass(frozen=True)
class Alias:
    """Another name of a priced model."""

    alias: str
    provider: str
    model: str


@dataclass(frozen=True)
class Goal:
    """An event by which a session reaches what it was for."""

    goal: str
    event_name: str
    tracked_from: date
    is_exhaustive: bool
