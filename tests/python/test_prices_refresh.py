"""`llm-analytics prices refresh`: history stays, only newer evidence changes a price."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import test_prices as rules
from llm_analytics.cli import main
from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.prices.command import refresh_prices
from llm_analytics.prices.price_list import read_price_list
from llm_analytics.prices.refresh import Refresh
from support.project import DbtProject

HEADER = (
    "provider,model,match,valid_from,valid_to,input_usd_per_million,cache_read_usd_per_million,"
    "cache_write_usd_per_million,output_usd_per_million,source\n"
)
LIST = """\
anthropic,claude-x,exact,2025-01-01,,3,0.3,3.75,15,litellm 1.0 (2025-02-01) [claude-x]; first
anthropic,claude-x-20,prefix,2025-01-01,,3,0.3,3.75,15,litellm 1.0 (2025-02-01) [claude-x]; first
openai,gpt-free,exact,2025-01-01,,0,,,0,litellm 1.0 (2025-02-01) [gpt-free]; first
openai,gpt-x,exact,2024-01-01,2025-01-01,5,,,15,litellm 1.0 (2024-02-01) [gpt-x]; first
openai,gpt-x,exact,2025-01-01,,2.5,1.25,,10,litellm 1.0 (2025-02-01) [gpt-x]; halved
openai,retired,exact,2024-01-01,,20,,,20,OpenAI announcement of 2024-01-01
"""
DAY = datetime(2025, 6, 1)


def litellm_entry(provider: str, *usd_per_token: float | None, mode: str = "chat") -> Any:
    """A model of LiteLLM's table: input, cache read, cache write, output; None leaves it out."""
    fields = (
        "input_cost_per_token", "cache_read_input_token_cost", "cache_creation_input_token_cost",
        "output_cost_per_token",
    )  # fmt: skip
    cells = dict(zip(fields, usd_per_token, strict=True))
    known = {name: value for name, value in cells.items() if value is not None}
    return {"litellm_provider": provider, "mode": mode, **known}


UNCHANGED: dict[str, Any] = {
    "claude-x": litellm_entry("anthropic", 3e-6, 3e-7, 3.75e-6, 1.5e-5),
    "gpt-free": litellm_entry("openai", 0.0, None, None, 0.0),
    "gpt-x": litellm_entry("openai", 2.5e-6, 1.25e-6, None, 1e-5),
}


@pytest.fixture
def price_list(tmp_path: Path) -> Path:
    path = tmp_path / "model_prices.csv"
    path.write_text(HEADER + LIST, encoding="utf-8")
    return path


def litellm_file(folder: Path, **models: Any) -> Path:
    """LiteLLM's table with the models of the list, some of them changed (None: taken out)."""
    table = {"sample_spec": {"litellm_provider": "one of https://docs.litellm.ai/docs/providers"}}
    table |= {name: entry for name, entry in {**UNCHANGED, **models}.items() if entry is not None}
    path = folder / "litellm.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    return path


def genai_file(folder: Path, models: Iterable[dict[str, Any]]) -> str:
    """genai-prices' table with models of OpenAI."""
    path = folder / "genai.json"
    path.write_text(json.dumps([{"id": "openai", "models": list(models)}]), encoding="utf-8")
    return str(path)


def genai_model(name: str, prices: Any) -> dict[str, Any]:
    """A model that is served under one name."""
    return {"id": name, "match": {"or": [{"equals": name}, {"contains": "gpt"}]}, "prices": prices}


def history(path: Path, model: str) -> list[tuple[Any, ...]]:
    """Of one model: from, to, and the four prices, as text."""
    return [
        (
            str(row.valid_from),
            str(row.valid_to or ""),
            *("" if cell is None else f"{cell:f}" for cell in row.price),
        )
        for row in read_price_list(path)
        if row.name.model == model
    ]


def counts(found: Refresh) -> tuple[int, int, int, int, int, int]:
    """New, changed, gone, disputed, unchanged, known from a newer table."""
    return (
        len(found.new), len(found.changed), len(found.gone), len(found.disputed),
        found.n_unchanged, found.n_older,
    )  # fmt: skip


def test_a_table_that_says_the_same_leaves_the_file_alone(price_list: Path, tmp_path: Path) -> None:
    before = price_list.read_bytes()
    found = refresh_prices(price_list, litellm=litellm_file(tmp_path), day=DAY)
    # The retired model is in no table; the prefix has the price of its family.
    assert counts(found) == (0, 0, 1, 0, 5 - 1, 0)
    assert [row.name.model for row in found.gone] == ["retired"]
    assert price_list.read_bytes() == before


def test_a_changed_price_closes_the_running_row_on_the_tables_day(
    price_list: Path, tmp_path: Path
) -> None:
    table = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 2e-6, None, None, 8e-6)})
    found = refresh_prices(price_list, litellm=table, day=DAY)
    assert counts(found) == (0, 1, 1, 0, 3, 0)
    # What the table leaves out beside a changed price is not known: no old price stands in.
    assert history(price_list, "gpt-x") == [
        ("2024-01-01", "2025-01-01", "5", "", "", "15"),
        ("2025-01-01", "2025-06-01", "2.5", "1.25", "", "10"),
        ("2025-06-01", "", "2", "", "", "8"),
    ]
    source = [row.source for row in read_price_list(price_list) if row.name.model == "gpt-x"][-1]
    assert source == (
        "litellm litellm (2025-06-01) [gpt-x]; changed since litellm 1.0 (2025-02-01) [gpt-x]"
    )


def test_a_price_that_is_left_out_is_not_a_change_and_a_zero_is(
    price_list: Path, tmp_path: Path
) -> None:
    table = litellm_file(
        tmp_path,
        **{
            "gpt-x": litellm_entry("openai", 2.5e-6, None, None, 1e-5),
            "claude-x": litellm_entry("anthropic", 3e-6, 0.0, 3.75e-6, 1.5e-5),
        },
    )
    found = refresh_prices(price_list, litellm=table, day=DAY)
    assert {change.name.model for change in found.changed} == {"claude-x", "claude-x-20"}
    assert history(price_list, "claude-x")[-1] == ("2025-06-01", "", "3", "0", "3.75", "15")
    assert history(price_list, "gpt-x")[-1] == ("2025-01-01", "", "2.5", "1.25", "", "10")


def test_a_newly_known_class_fills_the_price_from_the_tables_day_on(
    price_list: Path, tmp_path: Path
) -> None:
    table = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 2.5e-6, None, 3e-6, 1e-5)})
    refresh_prices(price_list, litellm=table, day=DAY)
    assert history(price_list, "gpt-x")[-2:] == [
        ("2025-01-01", "2025-06-01", "2.5", "1.25", "", "10"),
        ("2025-06-01", "", "2.5", "1.25", "3", "10"),
    ]


def test_twice_is_once_on_a_later_day_too(price_list: Path, tmp_path: Path) -> None:
    table = litellm_file(
        tmp_path,
        **{
            "gpt-x": litellm_entry("openai", 2e-6, None, None, 8e-6),
            "gpt-new": litellm_entry("openai", 1e-6, None, None, 2e-6),
        },
    )
    refresh_prices(price_list, litellm=table, day=DAY)
    once = price_list.read_bytes()
    for day in (DAY, datetime(2025, 7, 1)):
        assert not refresh_prices(price_list, litellm=table, day=day).is_needed
    assert price_list.read_bytes() == once


@pytest.mark.parametrize("day", ["2023-06-01", "2024-02-01", "2025-01-15", "2025-02-01"])
def test_a_table_that_is_not_newer_than_what_the_list_rests_on_changes_no_price(
    price_list: Path, tmp_path: Path, day: str
) -> None:
    before = price_list.read_bytes()
    table = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 9e-6, None, None, 9e-6)})
    found = refresh_prices(price_list, litellm=table, day=datetime.fromisoformat(day))
    assert not found.is_needed
    assert found.n_older >= 1
    assert price_list.read_bytes() == before


def test_an_older_table_tells_of_days_that_no_table_vouches_for(
    price_list: Path, tmp_path: Path
) -> None:
    table = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 4e-6, None, None, 1.5e-5)})
    refresh_prices(price_list, litellm=table, day=datetime(2024, 6, 1))
    assert [row[:3] for row in history(price_list, "gpt-x")] == [
        ("2024-01-01", "2024-06-01", "5"),
        ("2024-06-01", "2025-01-01", "4"),
        ("2025-01-01", "", "2.5"),
    ]


def test_an_announced_price_rests_on_the_newest_table_of_the_list(
    price_list: Path, tmp_path: Path
) -> None:
    table = litellm_file(tmp_path, retired=litellm_entry("openai", 1e-6, None, None, 1e-6))
    assert not refresh_prices(price_list, litellm=table, day=datetime(2025, 2, 1)).is_needed
    assert refresh_prices(price_list, litellm=table, day=datetime(2025, 2, 2)).is_needed
    assert len(history(price_list, "retired")) == 2


def test_new_names_are_those_that_nothing_prices_yet(price_list: Path, tmp_path: Path) -> None:
    (tmp_path / "model_aliases.csv").write_text(
        "alias,provider,model\ngpt-nickname,openai,gpt-x\n", encoding="utf-8"
    )
    same = UNCHANGED["claude-x"]
    table = litellm_file(
        tmp_path,
        **{
            "gpt-new": litellm_entry("openai", 1e-6, None, None, 2e-6),
            "gpt-dated-2025-03-04": litellm_entry("openai", 1e-6, None, None, 2e-6),
            "gpt-nickname": litellm_entry("openai", 1e-6, None, None, 2e-6),
            "claude-x-20250101": same,
            "claude-x-20250202": litellm_entry("anthropic", 4e-6, None, None, 2e-5),
            "claude-x-2025-odd": litellm_entry("anthropic", 4e-6, None, None, 2e-5),
            "text-embedding": litellm_entry("openai", 1e-6, None, None, 0.0, mode="embedding"),
            "ft:gpt-x": litellm_entry("openai", 1e-6, None, None, 2e-6),
            "us-east-1/gpt-x": litellm_entry("openai", 1e-6, None, None, 2e-6),
            "mistral/large": litellm_entry("mistral", 1e-6, None, None, 2e-6),
            "gpt-image": {"litellm_provider": "openai", "mode": "chat"},
        },
    )
    found = refresh_prices(price_list, litellm=table, day=DAY)
    # An exact row hides its family's on all days: it begins with the model, or with the family.
    assert [(change.name.model, str(change.day)) for change in found.new] == [
        ("claude-x-2025-odd", "2025-01-01"),
        ("claude-x-20250202", "2025-02-02"),
        ("gpt-dated-2025-03-04", "2025-03-04"),
        ("gpt-new", "2025-06-01"),
    ]
    assert history(price_list, "gpt-new") == [("2025-06-01", "", "1", "", "", "2")]


def test_genai_prices_dates_a_change_and_knows_the_next(price_list: Path, tmp_path: Path) -> None:
    def price(amount: float) -> dict[str, Any]:
        return {"input_mtok": {"base": amount, "tiers": [{"start": 200, "price": 99}]}}

    table = genai_file(
        tmp_path,
        [
            genai_model(
                "gpt-x",
                [
                    {"prices": price(2.5)},
                    {"constraint": {"start_date": "2025-04-01"}, "prices": price(2)},
                    {"constraint": {"start_date": "2025-09-01"}, "prices": price(1.5)},
                    {
                        "constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00Z"},
                        "prices": price(0.1),
                    },
                ],
            )
        ],
    )
    refresh_prices(price_list, genai_prices=table, day=DAY)
    assert history(price_list, "gpt-x")[1:] == [
        ("2025-01-01", "2025-04-01", "2.5", "1.25", "", "10"),
        ("2025-04-01", "2025-09-01", "2", "", "", ""),
        ("2025-09-01", "", "1.5", "", "", ""),
    ]
    for day in (DAY, datetime(2025, 10, 1)):
        assert not refresh_prices(price_list, genai_prices=table, day=day).is_needed


def test_a_change_before_an_announced_one_keeps_the_announced_one(
    price_list: Path, tmp_path: Path
) -> None:
    announced = "openai,gpt-x,exact,2025-09-01,,1,,,1,OpenAI announcement of 2025-05-01\n"
    text = price_list.read_text(encoding="utf-8")
    text = text.replace(
        "openai,gpt-x,exact,2025-01-01,,", "openai,gpt-x,exact,2025-01-01,2025-09-01,"
    ).replace("openai,retired", announced + "openai,retired")
    price_list.write_text(text, encoding="utf-8")
    table = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 2e-6, None, None, 8e-6)})
    refresh_prices(price_list, litellm=table, day=DAY)
    assert [row[:3] for row in history(price_list, "gpt-x")] == [
        ("2024-01-01", "2025-01-01", "5"),
        ("2025-01-01", "2025-06-01", "2.5"),
        ("2025-06-01", "2025-09-01", "2"),
        ("2025-09-01", "", "1"),
    ]
    assert not refresh_prices(price_list, litellm=table, day=DAY).is_needed


def test_tables_that_disagree_change_nothing_until_one_is_preferred(
    price_list: Path, tmp_path: Path
) -> None:
    litellm = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 2e-6, None, None, 8e-6)})
    genai = genai_file(tmp_path, [genai_model("gpt-x", {"input_mtok": 7, "output_mtok": 8})])
    found = refresh_prices(price_list, genai, litellm, DAY)
    assert counts(found) == (0, 0, 1, 1, 3, 0)
    assert found.disputed[0].prices == {
        "genai-prices": (Decimal(7), None, None, Decimal(8)),
        "litellm": (Decimal(2), None, None, Decimal(8)),
    }
    assert len(history(price_list, "gpt-x")) == 2
    refresh_prices(price_list, genai, litellm, DAY, prefer="genai-prices")
    assert history(price_list, "gpt-x")[-1] == ("2025-06-01", "", "7", "", "", "8")


def test_a_rule_for_a_family_is_no_evidence_for_one_of_its_names(
    price_list: Path, tmp_path: Path
) -> None:
    # The rule covers every name with gpt in it; only the name that it spells out is that model.
    genai = genai_file(tmp_path, [genai_model("gpt-y", {"input_mtok": 7, "output_mtok": 8})])
    found = refresh_prices(price_list, genai, day=DAY)
    assert [change.name.model for change in found.new] == ["gpt-y"]
    assert found.changed == []


def test_the_installed_package_is_a_table_of_today(
    price_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its objects hold what its JSON file does; `or_` stands for the word that Python keeps."""
    rule = SimpleNamespace(or_=[SimpleNamespace(equals="gpt-x"), SimpleNamespace(contains="gpt")])
    price = SimpleNamespace(
        input_mtok=SimpleNamespace(base=Decimal(2), tiers=[]), output_mtok=Decimal("8.5")
    )
    start = SimpleNamespace(start_date=date(2025, 4, 1))
    priced = SimpleNamespace(constraint=start, prices=price, _=None)
    model = SimpleNamespace(id="gpt-x", match=rule, prices=[priced], name=None)
    data = SimpleNamespace(providers=[SimpleNamespace(id="openai", models=[model])])
    monkeypatch.setitem(sys.modules, "genai_prices", SimpleNamespace(data=data))
    monkeypatch.setitem(sys.modules, "genai_prices.data", data)
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 9.9")
    refresh_prices(price_list, "installed")
    assert history(price_list, "gpt-x")[-1] == ("2025-04-01", "", "2", "", "", "8.5")


def test_a_package_that_is_not_installed_is_one_clear_error(
    price_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)
    with pytest.raises(LlmAnalyticsError, match="is not installed"):
        refresh_prices(price_list, "installed")


def test_a_dry_run_shows_and_writes_nothing(
    price_list: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = price_list.read_bytes()
    table = litellm_file(tmp_path, **{"gpt-x": litellm_entry("openai", 2e-6, None, None, 8e-6)})
    arguments = [
        "prices", "refresh", "--litellm", str(table), "--out", str(price_list),
        "--date", "2025-06-01",
    ]  # fmt: skip
    assert main([*arguments, "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["is_written"] is False
    assert shown["changed"] == [
        {
            "provider": "openai",
            "model": "gpt-x",
            "match": "exact",
            "valid_from": "2025-06-01",
            "before": {
                "input_usd_per_million": "2.5",
                "cache_read_usd_per_million": "1.25",
                "output_usd_per_million": "10",
            },
            "after": {"input_usd_per_million": "2", "output_usd_per_million": "8"},
            "source": "litellm litellm (2025-06-01) [gpt-x]",
        }
    ]
    assert price_list.read_bytes() == before
    assert main(arguments) == 0
    assert "2.5 / 1.25 / — / 10" in capsys.readouterr().out
    assert price_list.read_bytes() != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"[]", "no models by name"),
        (b'{"a": {"input_cost_per_token": "much"}}', "prices no model"),
    ],
)
def test_what_is_no_table_is_one_clear_error_and_changes_nothing(
    price_list: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    before = price_list.read_bytes()
    (tmp_path / "table.json").write_bytes(content)
    with pytest.raises(LlmAnalyticsError, match=message):
        refresh_prices(price_list, litellm=tmp_path / "table.json")
    with pytest.raises(LlmAnalyticsError):
        refresh_prices(price_list, genai_prices=str(tmp_path / "table.json"))
    with pytest.raises(LlmAnalyticsError, match="cannot read"):
        refresh_prices(price_list, litellm=tmp_path / "absent.json")
    assert price_list.read_bytes() == before


def test_what_is_no_list_is_one_clear_error(price_list: Path, tmp_path: Path) -> None:
    table = litellm_file(tmp_path)
    price_list.write_text(HEADER + LIST.replace(",5,,,15", ",five,,,15"), encoding="utf-8")
    with pytest.raises(LlmAnalyticsError, match="line 5: not a price"):
        refresh_prices(price_list, litellm=table)
    price_list.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(LlmAnalyticsError, match="is not a price list"):
        refresh_prices(price_list, litellm=table)
    with pytest.raises(LlmAnalyticsError, match="cannot read"):
        refresh_prices(tmp_path / "absent.csv", litellm=table)
    with pytest.raises(LlmAnalyticsError, match="name a table"):
        refresh_prices(price_list)


# The shipped list and the public tables.


def copy_of_seeds(root: Path, folder: Path) -> Path:
    """A copy of the shipped list with its aliases; returns the list."""
    for name in ("model_prices.csv", "model_aliases.csv"):
        shutil.copy(root / "seeds" / name, folder / name)
    return folder / "model_prices.csv"


def test_the_shipped_list_reads_and_writes_the_same(root: Path, tmp_path: Path) -> None:
    path = copy_of_seeds(root, tmp_path)
    table = litellm_file(tmp_path, **{"gpt-new": litellm_entry("openai", 1e-6, None, None, 2e-6)})
    refresh_prices(path, litellm=table, day=datetime(2020, 1, 1))
    lines = path.read_text(encoding="utf-8").splitlines()
    before = (root / "seeds" / "model_prices.csv").read_text(encoding="utf-8").splitlines()
    assert set(before) < set(lines)
    new = {line.split(",")[1] for line in set(lines) - set(before)}
    assert new == {"claude-x", "gpt-free", "gpt-new", "gpt-x"}


def refresh_from_public_tables(path: Path, shared: Path) -> tuple[Refresh, Refresh]:
    """The August 2025 table, then both of today's: what was found each time."""
    tables = shared / "data" / "prices"
    then = tables / "tokencost_model_prices_2025-08.json"
    old = refresh_prices(path, litellm=then, day=datetime(2025, 8, 13))
    genai, newest = tables / "genai_prices_data.json", tables / "litellm_1.109.1_model_prices.json"
    both = refresh_prices(path, str(genai), newest, datetime(2026, 11, 13))
    assert not refresh_prices(path, str(genai), newest, datetime(2026, 11, 13)).is_needed
    return old, both


def test_the_public_tables_refresh_the_shipped_list(
    root: Path, tmp_path: Path, shared: Path
) -> None:
    """Every earlier price stays, and the list keeps its own rules."""
    path = copy_of_seeds(root, tmp_path)
    before = read_price_list(path)
    old, both = refresh_from_public_tables(path, shared)
    # The list rests on that table and on newer ones, but for one price that it tells later.
    assert [change.name.model for change in old.changed] == ["gemini-2.5-flash-preview-05-20"]
    assert len(both.new) > 100
    assert {dispute.name.model for dispute in both.disputed} >= {"claude-sonnet-5", "grok-4.5"}
    assert {row.name.model for row in both.gone} >= {"claude-sonnet-4-20250514", "claude-2.0"}

    after = read_price_list(path)
    last_prices = {row.name: row for row in after if row.valid_to is None}
    changed = {change.name for change in (*old.changed, *both.changed)}
    for row in before:
        kept = [r for r in after if (r.name, r.valid_from) == (row.name, row.valid_from)]
        assert [(r.price, r.source) for r in kept] == [(row.price, row.source)]
        if row.valid_to is None:
            assert row.name in changed or last_prices[row.name] == row

    with path.open(encoding="utf-8", newline="") as file:
        prices = list(csv.DictReader(file, strict=True))
    with path.with_name("model_aliases.csv").open(encoding="utf-8", newline="") as file:
        aliases = list(csv.DictReader(file, strict=True))
    rules.test_every_cell_is_plain(prices)
    rules.test_intervals_are_half_open_and_do_not_overlap(prices)
    rules.test_a_later_price_starts_where_the_earlier_one_ends_and_differs(prices)
    rules.test_rows_are_sorted_and_unique(prices)
    rules.test_a_model_name_belongs_to_one_provider(prices)
    rules.test_aliases_are_unique_and_point_to_an_exact_row(prices, aliases)


@pytest.mark.long
def test_dbt_accepts_the_refreshed_list(project_copy: DbtProject, shared: Path) -> None:
    refresh_from_public_tables(project_copy.root / "seeds" / "model_prices.csv", shared)
    project_copy.dbt(
        "build", "--exclude-resource-type", "unit_test",
        "--select", "model_prices", "model_aliases",
    )  # fmt: skip
