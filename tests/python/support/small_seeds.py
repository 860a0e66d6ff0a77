"""Seeds of the tests of definitions: a dozen invented prices with every edge, goals, staff."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from reference.settings import Alias, Goal, Price
from reference.world import Inputs

START = date(2025, 1, 1)
CHANGE = date(2025, 1, 26)


def _price(
    provider: str, model: str, match: str, prices: str, start: date = START, end: date | None = None
) -> Price:
    """A price from its four classes, input, cache read, cache write, output; `-` is not known."""
    classes = [None if each == "-" else Decimal(each) for each in prices.split()]
    return Price(provider, model, match, start, end, *classes)


PRICES = (
    _price("acme", "large", "exact", "3 0.3 3.75 15"),
    _price("acme", "large-20", "prefix", "2.5 0.25 3.1 12.5"),
    _price("acme", "lar", "prefix", "1 1 1 1"),
    # Exact decides, even on days on which it gives no price: the prefix must not step in.
    _price("acme", "changing", "exact", "1 0.1 1.25 4", date(2025, 1, 6), CHANGE),
    _price("acme", "changing", "exact", "2 0.2 2.5 7.777777", CHANGE, date(2025, 2, 10)),
    _price("acme", "chang", "prefix", "99 99 99 99"),
    _price("acme", "no-cache", "exact", "0.5 - - 1.5"),
    _price("acme", "shared", "exact", "5 0 0 5"),
    _price("globex", "shared", "exact", "6 0 0 6"),
    _price("acme", "dear-in", "exact", "9 1 1 0.000001"),
    _price("acme", "odd", "exact", "0.000003 0.000001 0 0.123457"),
)
#: What `changing` cost all along, once somebody has corrected the list.
CORRECTED_PRICES = (
    *(price for price in PRICES if price.model not in ("changing", "shared")),
    _price("acme", "changing", "exact", "1.1 0.1 1.25 4.4"),
    _price("globex", "shared", "exact", "6 0 0 6"),
)
#: Corrected once more: one of two models dearer again, the other unknown.
CORRECTED_AGAIN = (
    *(price for price in CORRECTED_PRICES if price.model not in ("changing", "large")),
    _price("acme", "changing", "exact", "1.2 0.1 1.25 4.4", date(2025, 1, 6)),
)
ALIASES = (Alias("gate/large", "acme", "large"), Alias("v2", "acme", "no-cache"))
#: One alias means another model, one is gone, one is new.
CHANGED_ALIASES = (Alias("gate/large", "acme", "no-cache"), Alias("unheard-of", "acme", "large"))
GOALS = (
    Goal("booking", "booked", date(2025, 1, 15), is_exhaustive=True),
    Goal("booking", "saved", date(2025, 2, 1), is_exhaustive=False),
)
EXCLUDED_USERS = ("staff",)


def small_inputs(
    loaded_at: datetime, prices: Sequence[Price] = PRICES, aliases: Sequence[Alias] = ALIASES
) -> Inputs:
    """The same seeds for the reference."""
    return Inputs(prices, aliases, GOALS, frozenset(EXCLUDED_USERS), loaded_at)


def write_small_seeds(
    root: Path, prices: Sequence[Price] = PRICES, aliases: Sequence[Alias] = ALIASES
) -> None:
    """Replace the seeds of a copy of the project."""
    _write(
        root / "seeds/model_prices.csv",
        "provider,model,match,valid_from,valid_to,input_usd_per_million,"
        "cache_read_usd_per_million,cache_write_usd_per_million,output_usd_per_million,source",
        (
            (
                price.provider, price.model, price.match, price.valid_from, price.valid_to,
                price.input, price.cache_read, price.cache_write, price.output, "invented",
            )
            for price in prices
        ),
    )  # fmt: skip
    _write(
        root / "seeds/model_aliases.csv",
        "alias,provider,model",
        ((alias.alias, alias.provider, alias.model) for alias in aliases),
    )
    _write(
        root / "seeds/goals.csv",
        "goal,event_name,tracked_from,is_exhaustive,window_days,description",
        (
            (goal.goal, goal.event_name, goal.tracked_from, goal.is_exhaustive, 7, "invented")
            for goal in GOALS
        ),
    )
    _write(
        root / "seeds/excluded_users.csv",
        "user_id,reason",
        ((user, "internal") for user in EXCLUDED_USERS),
    )


def _write(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    lines = [
        header,
        *(",".join("" if value is None else str(value) for value in row) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
