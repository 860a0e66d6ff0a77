"""Tables that the warehouse has already: whatever came in between, a build gives the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from histories import seeded
from llm_analytics.status import read_status
from llm_analytics.warehouse import Warehouse
from support.compare import differing_tables, snapshot
from support.project import DbtProject

BEGIN = datetime(2026, 3, 1, 8)
BUILT = ("+fct_responses", "+fct_conversations", "+user_days", "+cost_daily")
#: As another tool writes them: names of its own, a time with a zone, a time of loading.
DDL = """
create schema segment;
create table segment.asked (
    message_id varchar, uid varchar, thread varchar, "timestamp" timestamptz, text varchar,
    received_at timestamptz, batch bigint
);
create table segment.answered (
    message_id varchar, uid varchar, thread varchar, "timestamp" timestamptz, asked varchar,
    tokens_in integer, tokens_out integer, received_at timestamptz, batch bigint
);
"""
COLUMNS = {"event_id": "message_id", "occurred_at": '"timestamp"', "user_id": "uid"}
QUERIES = {**COLUMNS, "conversation_id": "thread", "query_length": "length(text)"}
RESPONSES = {
    **COLUMNS,
    "conversation_id": "thread",
    "query_id": "asked",
    "request_model": "'gpt-4o'",
    "provider": "'openai'",
    "input_tokens": "tokens_in",
    "output_tokens": "tokens_out",
}


def tables(load_column: str | None) -> dict[str, Any]:
    """The var that maps both tables."""

    def mapped(identifier: str, columns: Mapping[str, str]) -> dict[str, Any]:
        table = {"schema": "segment", "identifier": identifier, "columns": dict(columns)}
        return table | ({"load_column": load_column} if load_column else {})

    both = {"queries": mapped("asked", QUERIES), "responses": mapped("answered", RESPONSES)}
    # No other source: its views would be built for nothing.
    return {"llm_analytics_tables": both, "llm_analytics_sources": ["tables"]}


class Turns:
    """Queries and their answers of a few users over days, each known by its number."""

    def __init__(self, seed: int, n: int) -> None:
        draw = seeded(seed)
        self.rows = [
            (
                f"u{draw.randrange(4)}",
                f"c{draw.randrange(6)}",
                BEGIN + timedelta(minutes=draw.randrange(60 * 24 * 12)),
            )
            for _ in range(n)
        ]

    def insert(self, project: DbtProject, numbers: Iterable[int], received: int) -> None:
        """Append turns, received so many hours after the begin (the larger the later)."""
        received_at = f"{BEGIN + timedelta(days=20, hours=received)}+00"
        with duckdb.connect(project.warehouse) as database:
            database.execute("set timezone = 'UTC'")
            for number in numbers:
                user, thread, asked_at = self.rows[number]
                database.execute(
                    "insert into segment.asked values (?, ?, ?, ?, ?, ?, ?)",
                    [f"q{number}", user, thread, f"{asked_at}+00", "x" * (number % 9),
                     received_at, received],
                )  # fmt: skip
                if number % 5:
                    answered_at = f"{asked_at + timedelta(seconds=3)}+00"
                    database.execute(
                        "insert into segment.answered values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        [f"r{number}", user, thread, answered_at, f"q{number}", number, 7,
                         received_at, received],
                    )  # fmt: skip


def fresh(project: DbtProject, folder: Path) -> DbtProject:
    """The project on another warehouse, with the empty tables in it."""
    folder.mkdir()
    other = replace(project, warehouse=str(folder / "warehouse.duckdb"))
    with duckdb.connect(other.warehouse) as database:
        database.execute(DDL)
    return other


def marts(project: DbtProject) -> dict[str, Any]:
    """What readers see: no number of a load is in it."""
    return {
        table: content
        for table, content in snapshot(project).items()
        if not table.startswith("int_")
    }


def build(project: DbtProject, variables: Mapping[str, Any], *more: str) -> None:
    project.dbt("run", "--select", *BUILT, *more, variables=variables)


def numbers_of(project: DbtProject) -> list[Any]:
    return project.query(
        "select stream, newest_position, n_rows, first_load_seq, load_seq"
        " from intermediate.int_table_loads order by stream, newest_position"
    )


@pytest.mark.dbt
def test_what_no_build_has_read_stands_above_what_builds_have_read(
    make_project: Callable[[Path], DbtProject], tmp_path: Path
) -> None:
    variables, turns = tables("received_at"), Turns(seed=6, n=40)
    project = fresh(make_project(tmp_path), tmp_path / "numbers")
    events = tmp_path / "queries.jsonl"
    events.write_text('{"timestamp": 1772354400000, "event_id": "e1", "user_id": "u1"}\n')
    before: dict[str, int] = {}
    horizon = 0
    # Hours of loading: more stretches than are kept; in two steps a row comes in behind.
    for step, received in enumerate([1, 2, 3, 4, 5, 6, 4, 1]):
        is_late = received < step
        new = range(2 * step, 2 * step + 2)
        turns.insert(project, new, received)
        if step == 3:
            project.load(events)
        project.dbt("run", "--select", "+int_queries__unioned", variables=variables)
        read = project.query(
            "select event_id, load_seq from intermediate.int_queries__unioned"
            " where source = 'tables' and load_seq <= ("
            "select h.load_seq from intermediate.int_load_horizon as h)"
        )
        numbers = {str(event_id): int(load_seq) for event_id, load_seq in read}
        assert numbers.keys() == before.keys() | {f"tables:q{number}" for number in new}
        assert min(numbers[f"tables:q{number}"] for number in new) > horizon
        assert all(numbers[each] >= number for each, number in before.items())
        read_again = [each for each in before if numbers[each] > horizon]
        assert bool(read_again) == is_late
        assert len(read_again) < len(before) or received == 1, "one stretch, not the whole table"
        [(horizon,)] = project.query("select load_seq from intermediate.int_load_horizon")
        before = numbers
    assert len(numbers_of(project)) <= 2 * 5


@pytest.mark.dbt
@pytest.mark.long
@pytest.mark.parametrize("load_column", ["received_at", "batch", None])
def test_rows_appended_in_any_order_give_the_marts_of_one_build(
    make_project: Callable[[Path], DbtProject], tmp_path: Path, load_column: str | None
) -> None:
    variables, turns = tables(load_column), Turns(seed=5, n=40)
    made = make_project(tmp_path)
    grown = fresh(made, tmp_path / "grown")
    grown.dbt("seed", variables=variables)
    turns.insert(grown, range(0, 12), received=1)
    build(grown, variables)
    # Later rows of earlier days; a build of a part between them must lose nothing.
    turns.insert(grown, range(12, 20), received=2)
    grown.dbt("run", "--select", "int_table_loads", variables=variables)
    turns.insert(grown, range(20, 28), received=3)
    build(grown, variables)
    # A load of events, whose number stands after all of these, and a row that was committed late:
    # its place is one that was read already.
    turns.insert(grown, range(28, 31), received=1)
    events = tmp_path / "queries.jsonl"
    events.write_text('{"timestamp": 1772354400000, "event_id": "e1", "user_id": "u1"}\n')
    grown.load(events)
    build(grown, variables)
    turns.insert(grown, range(31, 40), received=4)
    build(grown, variables)
    at_once = fresh(made, tmp_path / "at-once")
    at_once.dbt("seed", variables=variables)
    turns.insert(at_once, range(40), received=1)
    at_once.load(events)
    build(at_once, variables)
    assert at_once.query("select count(*) from marts.fct_interactions") == [(41,)]
    assert at_once.query("select count(*) from marts.fct_responses") == [(32,)]
    faults = differing_tables(marts(grown), marts(at_once))
    assert not faults, "\n".join(faults)
    before = numbers_of(grown)
    is_exact = load_column is not None
    assert (len({stretch[-1] for stretch in before}) > 1) == is_exact
    grown.dbt("run", "--select", "int_table_loads", variables=variables)
    increments = [
        table["increments"] for table in read_status(Warehouse(grown.warehouse))["tables"]
    ]
    assert increments == ["exact" if is_exact else "bounded: the last 3 days"] * 2
    assert (numbers_of(grown) == before) == is_exact, "only a bounded table is read again"
