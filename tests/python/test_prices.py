"""The shipped price list: its rules, and each price against the table it names as its source."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.project import ROOT

PRICE_COLUMNS = (
    "input_usd_per_million",
    "cache_read_usd_per_million",
    "cache_write_usd_per_million",
    "output_usd_per_million",
)
#: The columns of LiteLLM's table (and tokencost's, a copy of it), USD per token.
LITELLM_FIELDS = (
    "input_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_token",
)
#: The columns of genai-prices' table, USD per million tokens.
GENAI_FIELDS = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok")
TABLES = {
    "litellm 1.109.1 (2026-11-12)": "litellm_1.109.1_model_prices.json",
    "tokencost 0.1.26 (2025-08-13)": "tokencost_model_prices_2025-08.json",
    "genai-prices 47df840a": "genai_prices_data.json",
}

Row = dict[str, str]
Price = tuple[Decimal | None, ...]


def read_seed(name: str) -> list[Row]:
    with (ROOT / "seeds" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def prices() -> list[Row]:
    return read_seed("model_prices.csv")


@pytest.fixture(scope="module")
def aliases() -> list[Row]:
    return read_seed("model_aliases.csv")


def price_of(row: Row) -> Price:
    """USD per million tokens of each token class; None where no price is known."""
    return tuple(Decimal(row[column]) if row[column] else None for column in PRICE_COLUMNS)


def last_day(row: Row) -> date:
    return date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max


# The rules of the seed.


def test_the_list_is_broad(prices: list[Row]) -> None:
    models = {(row["provider"], row["model"]) for row in prices if row["match"] == "exact"}
    assert len(models) >= 60
    providers = {provider for provider, _ in models}
    assert len(providers) >= 6
    page = (ROOT / "docs" / "prices.md").read_text(encoding="utf-8")
    claim = f"{len(models)} models, current and retired, of {len(providers)} providers"
    assert claim in " ".join(page.split())


def test_every_cell_is_plain(prices: list[Row]) -> None:
    for row in prices:
        assert None not in row, f"too many cells: {row}"
        assert None not in row.values(), f"too few cells: {row}"
        assert re.fullmatch(r"[a-z0-9._-]+", row["provider"]), row
        assert re.fullmatch(r"[a-z0-9._:/@-]+", row["model"]), row
        assert row["match"] in ("exact", "prefix"), row
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["valid_from"]), row
        assert re.fullmatch(r"(\d{4}-\d\d-\d\d)?", row["valid_to"]), row
        for column in PRICE_COLUMNS:
            assert re.fullmatch(r"((0|[1-9]\d*)(\.\d{0,5}[1-9])?)?", row[column]), (column, row)
        assert any(row[column] for column in PRICE_COLUMNS), f"prices nothing: {row}"
        assert len(row["source"]) > 15, f"no source: {row}"


def test_intervals_are_half_open_and_do_not_overlap(prices: list[Row]) -> None:
    by_name: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in prices:
        assert date.fromisoformat(row["valid_from"]) < last_day(row), f"empty interval: {row}"
        by_name[row["provider"], row["model"], row["match"]].append(row)
    for name, rows in by_name.items():
        rows.sort(key=lambda row: row["valid_from"])
        for earlier, later in pairwise(rows):
            assert last_day(earlier) <= date.fromisoformat(later["valid_from"]), name


def test_a_later_price_starts_where_the_earlier_one_ends_and_differs(prices: list[Row]) -> None:
    by_name: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in prices:
        by_name[row["provider"], row["model"], row["match"]].append(row)
    for name, rows in by_name.items():
        assert not rows[-1]["valid_to"], f"a retired model keeps its last known price: {name}"
        for earlier, later in pairwise(rows):
            assert earlier["valid_to"] == later["valid_from"], f"gap: {name}"
            assert price_of(earlier) != price_of(later), f"no change: {name}"


def test_rows_are_sorted_and_unique(prices: list[Row]) -> None:
    keys = [(row["provider"], row["model"], row["valid_from"]) for row in prices]
    assert keys == sorted(keys)
    assert [key for key, n in Counter(keys).items() if n > 1] == []


def test_a_model_name_belongs_to_one_provider(prices: list[Row]) -> None:
    providers: dict[str, set[str]] = defaultdict(set)
    for row in prices:
        providers[row["model"]].add(row["provider"])
    assert [model for model, names in providers.items() if len(names) > 1] == []


def test_a_prefix_ends_before_a_year(prices: list[Row]) -> None:
    """So that it stands for dated snapshots of one model and never for its smaller siblings."""
    exact = {(row["provider"], row["model"]) for row in prices if row["match"] == "exact"}
    for row in prices:
        if row["match"] == "prefix":
            assert row["model"].endswith("-20"), row
            assert (row["provider"], row["model"].removesuffix("-20")) in exact, row


def test_aliases_are_unique_and_point_to_an_exact_row(
    prices: list[Row], aliases: list[Row]
) -> None:
    exact = {(row["provider"], row["model"]) for row in prices if row["match"] == "exact"}
    names = [row["alias"] for row in aliases]
    assert names == sorted(set(names))
    assert set(names).isdisjoint(model for _, model in exact)
    for row in aliases:
        assert row["alias"] == row["alias"].lower().strip(), row
        assert (row["provider"], row["model"]) in exact, row


# How a name finds its price, as docs/prices.md words it.


def find_price(prices: list[Row], aliases: list[Row], name: str, day: str) -> Row | None:
    """The row that prices a call to the model `name` on the UTC date `day`; None is unpriced."""
    name = name.strip().lower()
    provider = None
    for alias in aliases:
        if alias["alias"] == name:
            provider, name = alias["provider"], alias["model"]
    candidates = [row for row in prices if provider in (None, row["provider"])]
    matched = [row for row in candidates if row["match"] == "exact" and row["model"] == name]
    if not matched:
        begun = [
            row for row in candidates if row["match"] == "prefix" and name.startswith(row["model"])
        ]
        longest = max((len(row["model"]) for row in begun), default=0)
        matched = [row for row in begun if len(row["model"]) == longest]
    on_day = [r for r in matched if r["valid_from"] <= day < (r["valid_to"] or "9999-12-31")]
    return on_day[0] if on_day else None


@pytest.mark.parametrize(
    ("name", "day", "model", "input_usd", "output_usd"),
    [
        ("gpt-4o", "2024-10-01", "gpt-4o", "5", "15"),
        ("gpt-4o", "2024-10-02", "gpt-4o", "2.5", "10"),
        ("gpt-4o-2024-05-13", "2025-06-01", "gpt-4o-2024-05-13", "5", "15"),
        ("gpt-4o-2031-01-01", "2031-01-01", "gpt-4o-20", "2.5", "10"),
        ("gpt-4o-mini-2024-07-18", "2025-06-01", "gpt-4o-mini-20", "0.15", "0.6"),
        ("gpt-4.1-2025-04-14", "2025-08-01", "gpt-4.1-20", "2", "8"),
        ("gpt-5-mini-2025-08-07", "2025-12-01", "gpt-5-mini-20", "0.25", "2"),
        ("o3-2025-04-16", "2025-06-09", "o3-20", "10", "40"),
        ("o3-2025-04-16", "2025-06-10", "o3-20", "2", "8"),
        ("GPT-4", "2024-01-01", "gpt-4", "30", "60"),
        ("claude-opus-4-5-20251101", "2026-02-10", "claude-opus-4-5-20251101", "5", "25"),
        ("claude-opus-4-6", "2026-02-10", "claude-opus-4-6", "5", "25"),
        ("claude-opus-4-6-20260205", "2026-02-10", "claude-opus-4-6-20", "5", "25"),
        ("claude-opus-4-1-20250805", "2026-02-10", "claude-opus-4-1-20250805", "15", "75"),
        ("claude-sonnet-4-20250514", "2026-02-10", "claude-sonnet-4-20250514", "3", "15"),
        ("claude-sonnet-4-5@20250929", "2026-02-10", "claude-sonnet-4-5-20250929", "3", "15"),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "2026-02-10",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "3.3",
            "16.5",
        ),
        (
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "2026-02-10",
            "claude-sonnet-4-5-20250929",
            "3",
            "15",
        ),
        ("bedrock/anthropic.claude-instant-v1", "2023-11-20", "claude-instant-v1", "1.63", "5.51"),
        ("bedrock/anthropic.claude-instant-v1", "2023-11-21", "claude-instant-v1", "0.8", "2.4"),
        ("gemini-1.5-pro", "2024-09-30", "gemini-1.5-pro", "3.5", "10.5"),
        ("models/gemini-1.5-pro", "2024-10-01", "gemini-1.5-pro", "1.25", "5"),
        ("gemini-2.0-flash-exp", "2025-01-01", "gemini-2.0-flash-exp", "0", "0"),
        ("azure/DeepSeek-V3.2", "2026-02-10", "azure/deepseek-v3.2", "0.58", "1.68"),
    ],
)
def test_a_name_finds_its_price(
    prices: list[Row],
    aliases: list[Row],
    name: str,
    day: str,
    model: str,
    input_usd: str,
    output_usd: str,
) -> None:
    row = find_price(prices, aliases, name, day)
    assert row is not None
    assert (row["model"], row["input_usd_per_million"], row["output_usd_per_million"]) == (
        model,
        input_usd,
        output_usd,
    )


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("gpt-4o", "2024-05-12"),
        ("gpt-4o-audio-preview-2024-12-17", "2025-06-01"),
        ("gpt-4o-realtime-preview", "2025-06-01"),
        ("gpt-4o-mini-tts", "2025-06-01"),
        ("gpt-5-image", "2025-12-01"),
        ("o3-unheard-of", "2025-12-01"),
        ("ft:gpt-4o-2024-08-06:acme::1", "2025-12-01"),
        ("my-model-v2.1", "2025-12-01"),
        ("", "2025-12-01"),
    ],
)
def test_what_is_not_listed_is_unpriced(
    prices: list[Row], aliases: list[Row], name: str, day: str
) -> None:
    assert find_price(prices, aliases, name, day) is None


# The prices against the public tables that they name. The tables are not part of this project.


def read_table(shared: Path, file_name: str) -> Any:
    path = shared / "data" / "prices" / file_name
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)


def genai_prices_of(table: Any, key: str) -> list[Price]:
    """Each price that genai-prices holds for `provider/model id`: base tier, any date."""
    provider_id, _, model_id = key.partition("/")
    provider = next(p for p in table if p["id"] == provider_id)
    held = next(m for m in provider["models"] if m["id"] == model_id)["prices"]
    variants = [variant["prices"] for variant in held] if isinstance(held, list) else [held]
    return [
        tuple(
            variant[field]["base"] if isinstance(variant.get(field), dict) else variant.get(field)
            for field in GENAI_FIELDS
        )
        for variant in variants
    ]


def litellm_price_of(table: Any, key: str) -> Price:
    """The price of `key` in LiteLLM's or tokencost's table, turned into USD per million."""
    held = [table[key].get(field) for field in LITELLM_FIELDS]
    return tuple(None if value is None else value * 1_000_000 for value in held)


@pytest.mark.parametrize("table_name", TABLES)
def test_prices_equal_the_table_they_name(prices: list[Row], table_name: str, shared: Path) -> None:
    table = read_table(shared, TABLES[table_name])
    compared = 0
    for row in prices:
        claim = re.match(re.escape(table_name) + r" \[([^\]]+)\]", row["source"])
        if claim is None:
            continue
        if table_name.startswith("genai-prices"):
            assert price_of(row) in genai_prices_of(table, claim[1]), row
        else:
            ours, theirs = price_of(row), litellm_price_of(table, claim[1])
            if row["provider"] == "deepseek" and theirs[2] == 0:
                # DeepSeek bills no cache writes apart: 0 there means none, not free input.
                theirs = (theirs[0], theirs[1], None, theirs[3])
            assert ours == theirs, row
        compared += 1
    assert compared >= 20


def test_every_source_that_looks_like_a_table_row_is_a_known_table(prices: list[Row]) -> None:
    known = r"(litellm 1\.109\.1|litellm 1\.8\d\.0|litellm 1\.98\.0|tokencost 0\.1\.\d+)"
    for row in prices:
        if "[" in row["source"]:
            assert re.match(
                known + r" \(\d{4}-\d\d-\d\d\) \[[^\]]+\]|genai-prices 47df840a \[[^\]]+\]",
                row["source"],
            ), row


def test_aliases_that_the_newest_table_prices_have_its_price(
    prices: list[Row], aliases: list[Row], shared: Path
) -> None:
    table = read_table(shared, TABLES["litellm 1.109.1 (2026-11-12)"])
    current = {
        (row["provider"], row["model"]): price_of(row)
        for row in prices
        if row["match"] == "exact" and not row["valid_to"]
    }
    # Where a dated source says otherwise; docs/prices.md tells why.
    disputed = {"claude-sonnet-5", "open-mistral-nemo"}
    compared = 0
    for alias in aliases:
        if alias["alias"] not in table or alias["model"] in disputed:
            continue
        ours = current[alias["provider"], alias["model"]]
        theirs = litellm_price_of(table, alias["alias"])
        assert (ours[0], ours[3]) == (theirs[0], theirs[3]), alias
        compared += 1
    assert compared >= 50
