"""What a call cost, and how that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reference.settings import Alias, Price, Settings
from reference.streams import Row, rounded


@dataclass(frozen=True)
class Naming:
    """What a call's model is: its provider and name, and its price of the day if it has one."""

    provider: str | None
    model: str | None
    price: Price | None


def find_price(call: Row, day: date, prices: Sequence[Price], aliases: Sequence[Alias]) -> Naming:
    """The price list's own rules: alias, then exact name, then longest prefix; then the date."""
    sent = call["response_model"] or call["request_model"] or call["model_version"]
    if sent is None:
        return Naming(call["provider"], None, None)
    name = sent.strip().lower()
    provider = call["provider"].strip().lower() if call["provider"] else None
    is_listed = any(price.provider == provider for price in prices)
    alias = next((alias for alias in aliases if alias.alias == name), None)
    name = alias.model if alias else name
    only = alias.provider if alias else provider if is_listed else None
    offered = [price for price in prices if only is None or price.provider == only]
    deciding = [price for price in offered if price.match == "exact" and price.model == name]
    if not deciding:
        fitting = [
            price for price in offered if price.match == "prefix" and name.startswith(price.model)
        ]
        longest = max((len(price.model) for price in fitting), default=0)
        deciding = [price for price in fitting if len(price.model) == longest]
    valid = [
        price
        for price in deciding
        if price.valid_from <= day and (price.valid_to is None or day < price.valid_to)
    ]
    # Two providers sell this name, and the call does not say which of them it was.
    found = valid[0] if len(valid) == 1 else None
    return Naming(found.provider if found else only or call["provider"], name, found)


def is_success(call: Row) -> bool:
    """An unknown status is a success unless an error type is set."""
    if call["status"] is None:
        return call["error_type"] is None
    return bool(call["status"] == "success")


def normalised_input(call: Row) -> int | None:
    """Input tokens with those that were read from or written to a cache."""
    tokens: int | None = call["input_tokens"]
    if tokens is not None and call["token_convention"] == "exclusive":
        tokens += (call["cache_read_tokens"] or 0) + (call["cache_write_tokens"] or 0)
    return tokens


@dataclass(frozen=True)
class Cost:
    """US dollars, None when unpriced; the bounds differ only where the split is estimated."""

    basis: str
    usd: Decimal | None
    low: Decimal | None
    high: Decimal | None


def cost_of(call: Row, naming: Naming, settings: Settings) -> Cost:
    """Cost of a call and its tools."""
    tools = call["tool_cost_usd"] or Decimal(0)
    basis, bounds = _model_cost(call, naming, settings)
    if bounds is None:
        return Cost(basis, None, None, None)
    usd, low, high = (rounded(bound + tools, 12) for bound in bounds)
    return Cost(basis, usd, low, high)


def _model_cost(
    call: Row, naming: Naming, settings: Settings
) -> tuple[str, tuple[Decimal, Decimal, Decimal] | None]:
    """Basis, and estimate, low and high."""
    price = naming.price
    input_tokens, output_tokens = normalised_input(call), call["output_tokens"]
    if input_tokens is not None and output_tokens is not None and naming.model is not None:
        read, write = call["cache_read_tokens"] or 0, call["cache_write_tokens"] or 0
        parts = [
            (input_tokens - read - write, price.input if price else None),
            (read, price.cache_read if price else None),
            (write, price.cache_write if price else None),
            (output_tokens, price.output if price else None),
        ]
        is_consistent = all(tokens >= 0 for tokens, _ in parts)
        if is_consistent and all(tokens == 0 or each is not None for tokens, each in parts):
            usd = Decimal(0)
            for tokens, each in parts:
                usd += _usd(tokens, each) if each is not None else 0
            return "split", (usd, usd, usd)
    has_split = input_tokens is not None and output_tokens is not None
    total = call["tokens_used"]
    input_price, output_price = (price.input, price.output) if price else (None, None)
    is_estimable = total is not None and not has_split
    if is_estimable and input_price is not None and output_price is not None:
        share = settings.input_token_share
        estimate = share * input_price + (1 - share) * output_price
        low, high = sorted((input_price, output_price))
        return "estimated", (_usd(total, estimate), _usd(total, low), _usd(total, high))
    if call["logged_cost_usd"] is not None:
        return "logged", (call["logged_cost_usd"],) * 3
    if not is_success(call) and all(
        call[name] is None for name in ("input_tokens", "output_tokens", "tokens_used")
    ):
        return "unbilled", (Decimal(0),) * 3
    return "unpriced", None


def _usd(tokens: int, per_million: Decimal) -> Decimal:
    return rounded(Decimal(tokens) * per_million / 1_000_000, 12)
