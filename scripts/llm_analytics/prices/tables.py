"""Two public tables of prices, read into one form: genai-prices' and LiteLLM's.

genai-prices (MIT) is `prices/data.json` of github.com/pydantic/genai-prices, USD per million
tokens, with the starts of some prices; LiteLLM's (MIT) is `model_prices_and_context_window.json` of
github.com/BerriAI/litellm, USD per token. Base tier, text tokens; what else they hold is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.prices.price_list import Price, to_price

INSTALLED = "installed"

_LITELLM_CELLS = (
    "input_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_token",
)
_GENAI_CELLS = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok")
#: Providers of the list by their names in a table, and what LiteLLM's keys put before a model.
_LITELLM_PROVIDERS = {
    "openai": ("openai", ""),
    "text-completion-openai": ("openai", ""),
    "anthropic": ("anthropic", ""),
    "gemini": ("google", "gemini/"),
    "mistral": ("mistral", "mistral/"),
    "deepseek": ("deepseek", "deepseek/"),
    "moonshot": ("moonshot", "moonshot/"),
    "xai": ("xai", "xai/"),
    "cohere": ("cohere", ""),
    "cohere_chat": ("cohere", ""),
    "groq": ("groq", "groq/"),
    "bedrock": ("amazon", ""),
    "bedrock_converse": ("amazon", ""),
}
_GENAI_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "moonshotai": "moonshot",
    "x-ai": "xai",
    "cohere": "cohere",
    "groq": "groq",
    "aws": "amazon",
}
_LITELLM_MODES = ("chat", "completion", "responses")
_NAME = re.compile(r"[a-z0-9._:/@-]+")
#: Where a table's 0 for cache writes says that the vendor bills none apart, not that they are free.
_BILLS_NO_CACHE_WRITES = ("deepseek",)


@dataclass(frozen=True)
class Offer:
    """A model's price in a table: the key it stands under, and later prices by their first days."""

    key: str
    price: Price
    starts: date | None = None
    later: tuple[tuple[date, Price], ...] = ()


@dataclass
class PriceTable:
    """A table of one day; `source` is how the list names it.

    `served` are offers by provider and by the names that calls carry, `by_id` those by names that
    only the table gives a model, `by_key` all of them by their keys.
    """

    kind: str
    source: str
    day: date
    served: dict[tuple[str, str], Offer] = field(default_factory=dict)
    by_id: dict[tuple[str, str], Offer] = field(default_factory=dict)
    by_key: dict[str, Offer] = field(default_factory=dict)

    def find(self, provider: str, model: str, key: str) -> Offer | None:
        """The offer for a model of the list, by its name or by a key that ends like it.

        A rule for a family of names, or the key of a sibling, is no evidence for one of them.
        """
        named = self.served.get((provider, model)) or self.by_id.get((provider, model))
        if named is None and key.lower().rpartition("/")[2] == model.rpartition("/")[2]:
            return self.by_key.get(key)
        return named

    def cite(self, offer: Offer) -> str:
        """The beginning of a row's `source`: the table and the key."""
        return f"{self.source} [{offer.key}]"


def read_litellm(path: Path, day: date | None = None) -> PriceTable:
    """LiteLLM's table in a file; its day is that of the file where none is given.

    Raises LlmAnalyticsError if it is not such a table.
    """
    day = day or _day_of(path)
    content = _read_json(path)
    if not isinstance(content, dict):
        raise LlmAnalyticsError(f"{path} is not LiteLLM's price table: no models by name")
    table = PriceTable("litellm", f"litellm {path.stem} ({day})", day)
    for key, entry in content.items():
        if not isinstance(entry, dict):
            continue
        cells = [entry.get(name) for name in _LITELLM_CELLS]
        provider, prefix = _LITELLM_PROVIDERS.get(str(entry.get("litellm_provider")), ("", ""))
        price = _price(provider, [None if c is None else _number(c) for c in cells], 1_000_000)
        if price is None:
            continue
        offer = Offer(key, price)
        table.by_key[key] = offer
        model = key.lower().removeprefix(prefix)
        if provider and entry.get("mode") in _LITELLM_MODES and _is_plain(provider, model):
            table.served[provider, model] = offer
    if not table.by_key:
        raise LlmAnalyticsError(f"{path} is not LiteLLM's price table: it prices no model")
    return table


def read_genai_prices(where: str, day: date | None = None) -> PriceTable:
    """genai-prices' table in a file, or that of the installed package; its day as for LiteLLM's.

    The installed table has no day of its own: today. Raises LlmAnalyticsError.
    """
    if where == INSTALLED:
        providers, version = _installed_genai_prices()
        day = day or datetime.now(UTC).date()
        source = f"genai-prices {version} ({day})"
    else:
        path = Path(where)
        day = day or _day_of(path)
        providers = _read_json(path)
        source = f"genai-prices {path.stem} ({day})"
    table = PriceTable("genai-prices", source, day)
    try:
        for provider in providers:
            name = _GENAI_PROVIDERS.get(provider["id"], "")
            for model in provider["models"]:
                _add_genai_model(table, name, f"{provider['id']}/{model['id']}", model)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LlmAnalyticsError(f"{where} is not genai-prices' table: {error!r}") from error
    if not table.by_key:
        raise LlmAnalyticsError(f"{where} is not genai-prices' table: it prices no model")
    return table


def _add_genai_model(table: PriceTable, provider: str, key: str, model: dict[str, Any]) -> None:
    """Adds a model: the price in force on the table's day, and those that start later."""
    held = model["prices"]
    dated: list[tuple[date | None, Price]] = []
    for variant in held if isinstance(held, list) else [{"prices": held}]:
        constraint = variant.get("constraint") or {}
        if constraint and "start_date" not in constraint:
            continue  # hours of the day: the list holds whole days
        cells = [_base(variant["prices"].get(name)) for name in _GENAI_CELLS]
        price = _price(provider, cells, 1)
        if price is not None:
            start = constraint.get("start_date")
            dated.append((date.fromisoformat(start) if start else None, price))
    in_force = [(start, price) for start, price in dated if start is None or start <= table.day]
    if not in_force:
        return
    starts, price = in_force[-1]
    later = tuple((start, p) for start, p in dated if start is not None and start > table.day)
    offer = Offer(key, price, starts, later)
    table.by_key[key] = offer
    if provider:
        table.by_id.setdefault((provider, model["id"].lower()), offer)
        for name in _equal_names(model["match"]):
            if _is_plain(provider, name):
                table.served.setdefault((provider, name), offer)


def _price(provider: str, cells: list[Decimal | None], scale: int) -> Price | None:
    """The cells in USD per million; None if the table knows neither input nor output."""
    if cells[0] is None and cells[3] is None:
        return None
    price = to_price(None if cell is None else cell * scale for cell in cells)
    if provider in _BILLS_NO_CACHE_WRITES and price[2] == 0 and price[0] != 0:
        return price[0], price[1], None, price[3]
    return price


def _is_plain(provider: str, model: str) -> bool:
    """Is it a name as calls carry it, and not one of a region's or a customer's own prices?"""
    if not _NAME.fullmatch(model) or model.startswith("ft:"):
        return False
    return provider == "groq" or "/" not in model


def _base(value: Any) -> Decimal | None:
    """The price of the first tier."""
    return _number(value["base"] if isinstance(value, dict) else value)


def _number(value: Any) -> Decimal | None:
    """A price as the exact number that the file shows; None where it is none or negative."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or value < 0:
        return None
    return Decimal(value)


def _equal_names(clause: dict[str, Any]) -> Iterator[str]:
    """The whole names that a rule of genai-prices lists."""
    if "equals" in clause:
        yield str(clause["equals"]).lower()
    for part in clause.get("or", ()):
        yield from _equal_names(part)


def _installed_genai_prices() -> tuple[Any, str]:
    """The providers of the installed package in the form of its JSON file, and its version."""
    try:
        providers = import_module("genai_prices.data").providers
        return _plain(providers), metadata.version("genai-prices")
    except (ImportError, AttributeError) as error:
        raise LlmAnalyticsError(
            "genai-prices is not installed here: name its prices/data.json, or pip install it"
        ) from error


def _plain(value: Any) -> Any:
    """Objects as dictionaries of what they hold (`or_` is `or`), dates as text."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "__dict__"):
        return {
            name.rstrip("_"): _plain(item)
            for name, item in vars(value).items()
            if item is not None and not name.startswith("_")
        }
    return value


def _read_json(path: Path) -> Any:
    """A JSON file with exact numbers. Raises LlmAnalyticsError."""
    try:
        return json.loads(path.read_bytes(), parse_float=Decimal)
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise LlmAnalyticsError(f"{path} is not JSON: {error}") from error


def _day_of(path: Path) -> date:
    """The UTC day on which a file was last written. Raises LlmAnalyticsError."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    except OSError as error:
        raise LlmAnalyticsError(f"cannot read {path}: {error.strerror or error}") from error
