"""Merges tables of prices into the dated list, without losing a row or guessing a price.

- A price that changed closes the running row and opens a new one, on the day that the table gives
  for the change or on the table's own day. A table that is not newer than what the list already
  rests on changes nothing.
- A class that a table leaves out is not known from it. It stays as it is while the other classes
  do; beside a changed price it is not known any more. An explicit 0 is a price.
- Tables that contradict each other change nothing, unless one of them is preferred.
- A name that no table has any more keeps its last price.
- A new name is added for the providers of the list, unless an alias or an equal price of a prefix
  covers it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from llm_analytics.prices.price_list import Name, Price, Row, with_price
from llm_analytics.prices.tables import Offer, PriceTable

_CITED = re.compile(r"(?:litellm|tokencost|genai-prices) [^\[]*\[([^\]]+)\]")
_DAY_OF_TABLE = re.compile(r"\((\d{4}-\d\d-\d\d)\)")
_DAY_IN_NAME = re.compile(r"(20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")
_PREFIX_END = "-20"


@dataclass(frozen=True)
class Change:
    """A price that begins on a day; `before` is what applied until then, None for a new name."""

    name: Name
    day: date
    before: Price | None
    after: Price
    source: str


@dataclass(frozen=True)
class Dispute:
    """A name on which the tables disagree, and the price that each shows."""

    name: Name
    listed: Price | None
    prices: dict[str, Price]


@dataclass
class Refresh:
    """What a refresh found, and the rows that the list has after it."""

    rows: list[Row] = field(default_factory=list)
    new: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    disputed: list[Dispute] = field(default_factory=list)
    n_unchanged: int = 0
    n_older: int = 0

    @property
    def is_needed(self) -> bool:
        """Does the list change?"""
        return bool(self.new or self.changed)


@dataclass(frozen=True)
class _Quote:
    """What the tables together say of a name: on which day, and since when if they know."""

    price: Price
    day: date
    starts: date | None
    source: str
    later: tuple[tuple[date, Price], ...]


def refresh(
    rows: Iterable[Row],
    tables: list[PriceTable],
    aliases: Iterable[str] = (),
    prefer: str | None = None,
) -> Refresh:
    """The list with what newer tables say. `prefer` is the kind of table that settles disputes."""
    by_name: dict[Name, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    found = Refresh()
    newest = max((day for priced in by_name.values() for day in _cited(priced)), default=date.min)
    for name, priced in by_name.items():
        by_name[name] = _refresh_name(found, name, priced, newest, tables, prefer)
    for name in _new_names(by_name, tables, set(aliases)):
        by_name[name] = _add_name(found, by_name, name, tables, prefer)
    found.rows = [row for priced in by_name.values() for row in priced]
    return found


def _refresh_name(
    found: Refresh,
    name: Name,
    rows: list[Row],
    newest: date,
    tables: list[PriceTable],
    prefer: str | None,
) -> list[Row]:
    """The rows of one name after a refresh. `newest` is the day of the list's newest table."""
    latest = max(rows, key=lambda row: row.valid_from)
    cited = _CITED.match(latest.source)
    key = cited[1] if cited else ""
    model = name.model.removesuffix(_PREFIX_END) if name.match == "prefix" else name.model
    offers = [
        (table, offer) for table in tables if (offer := table.find(name.provider, model, key))
    ]
    if not offers:
        found.gone.append(latest)
        return rows
    quote = _settle(offers, prefer)
    if quote is None:
        prices = {table.kind: offer.price for table, offer in offers}
        found.disputed.append(Dispute(name, latest.price, prices))
        return rows
    n_before = len(found.changed)
    is_older = False
    # A start that is not news contradicts the list: the price is known from the table's day on.
    first_day = quote.day
    if quote.starts is not None and quote.starts > _known_to(rows, quote.starts, newest):
        first_day = quote.starts
    for day, price in [(first_day, quote.price), *quote.later]:
        current = next((row for row in rows if row.covers(day)), None)
        after = price if current is None else _merged(current.price, price)
        if current is not None and after == current.price:
            continue
        if day <= _known_to(rows, day, newest):
            is_older = True
            continue
        found.changed.append(
            Change(name, day, current.price if current else None, after, quote.source)
        )
        since = current.source.partition("; ")[0] if current else "no price"
        source = f"{quote.source}; changed since {since}"
        rows = with_price(rows, Row(name, day, None, after, source))
    if len(found.changed) == n_before:
        found.n_older += is_older
        found.n_unchanged += not is_older
    return rows


def _add_name(
    found: Refresh,
    by_name: dict[Name, list[Row]],
    name: Name,
    tables: list[PriceTable],
    prefer: str | None,
) -> list[Row]:
    """The rows of a name that the list does not have yet; none where a prefix says the same."""
    offers = [
        (table, offer)
        for table in tables
        if (offer := table.served.get((name.provider, name.model)))
    ]
    quote = _settle(offers, prefer)
    if quote is None:
        prices = {table.kind: offer.price for table, offer in offers}
        found.disputed.append(Dispute(name, None, prices))
        return []
    family = _family(by_name, name)
    current = next((row for row in family if row.covers(quote.day)), None)
    if current is not None and _merged(current.price, quote.price) == current.price:
        found.n_unchanged += 1
        return []
    # An exact row hides its family's on all days: it has to begin with the model itself.
    starts = quote.starts or quote.day
    day = _day_in(name.model, starts) or min([row.valid_from for row in family], default=starts)
    note = "from the day of the table" if day == quote.day else "from the day of its start"
    rows: list[Row] = []
    for start, price in [(day, quote.price), *quote.later]:
        before = rows[-1].price if rows else None
        found.new.append(Change(name, start, before, price, quote.source))
        rows = with_price(rows, Row(name, start, None, price, f"{quote.source}; {note}"))
    return rows


def _settle(offers: list[tuple[PriceTable, Offer]], prefer: str | None) -> _Quote | None:
    """What the tables say together; None if they contradict each other and none is preferred."""
    if any(_contradict(one.price, other.price) for _, one in offers for _, other in offers):
        offers = [pair for pair in offers if pair[0].kind == prefer]
        if not offers:
            return None
    # Of tables that agree, the first to show a price dates it; a start that one gives is better.
    table, offer = min(offers, key=lambda pair: (pair[1].starts is None, pair[0].day))
    price = offer.price
    for _, other in offers:
        price = _filled(price, other.price)
    later = next((other.later for _, other in offers if other.later), ())
    return _Quote(price, table.day, offer.starts, table.cite(offer), later)


def _contradict(first: Price, second: Price) -> bool:
    """Do two prices differ in a class that both know?"""
    return any(
        a is not None and b is not None and a != b for a, b in zip(first, second, strict=True)
    )


def _filled(first: Price, second: Price) -> Price:
    """The first price with what only the second knows."""
    a, b, c, d = (x if x is not None else y for x, y in zip(first, second, strict=True))
    return a, b, c, d


def _merged(listed: Price, offered: Price) -> Price:
    """What applies once a table offers a price: the listed one as far as it is not contradicted."""
    return offered if _contradict(listed, offered) else _filled(listed, offered)


def _known_to(rows: list[Row], day: date, newest: date) -> date:
    """Up to when the price of a day is known: the day of the table it cites, or of its start.

    What cites no table (an announcement) was checked when the list's newest table was. Before the
    first price nothing is newer.
    """
    begun = [row for row in rows if row.valid_from <= day]
    if not begun:
        return date.max
    latest = max(begun, key=lambda row: row.valid_from)
    return max([latest.valid_from, *(_cited([latest]) or [newest])])


def _cited(rows: list[Row]) -> list[date]:
    """The days of the tables that prices rest on."""
    days = (_DAY_OF_TABLE.search(row.source.partition(";")[0]) for row in rows)
    return [date.fromisoformat(day[1]) for day in days if day]


def _new_names(
    by_name: dict[Name, list[Row]], tables: list[PriceTable], aliases: set[str]
) -> list[Name]:
    """Names of the tables that the list lacks, each under one provider, sorted.

    A list holds a name once, whoever sells it, and never one that is an alias of another.
    """
    providers = {name.provider for name in by_name}
    taken = {name.model for name in by_name} | aliases
    names: dict[str, Name] = {}
    for table in tables:
        for provider, model in table.served:
            if provider in providers and model not in taken:
                names.setdefault(model, Name(provider, model, "exact"))
    return sorted(names.values())


def _family(by_name: dict[Name, list[Row]], name: Name) -> list[Row]:
    """The rows of the longest prefix that prices a name; none if no prefix does."""
    prefixes = [
        prefix
        for prefix in by_name
        if prefix.match == "prefix"
        and prefix.provider == name.provider
        and name.model.startswith(prefix.model)
    ]
    longest = max(prefixes, key=lambda prefix: len(prefix.model), default=None)
    return by_name[longest] if longest else []


def _day_in(model: str, latest: date) -> date | None:
    """The day in a model's name, which is never after its release; None if it holds none."""
    for year, month, day in _DAY_IN_NAME.findall(model):
        try:
            named = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if named <= latest:
            return named
    return None
