"""Whose a raw row is: which columns name a person, and what ties rows that name nobody to one.

A row is a person's if it names the person; a device or alias counts only where no user is named.
A row that names nobody (a server's log of a call) is a person's if its conversation, session,
trace, response or query is that person's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from llm_analytics.loading.policy import Policy
from llm_analytics.sources.registry import find_source, source_names
from llm_analytics.tracking_plan import Stream

SCHEMA = "raw"
# Identifiers of the plan that are about many: an organisation, a team, a group.
_GROUPS = {
    "account_id", "team_id", "organization_id", "user_api_key_team_id", "user_api_key_org_id",
    "group_0",
}  # fmt: skip
_DEVICES = {"anonymous_id", "alias_id", "device_id", "user_pseudo_id", "mp_device_id"}
# Who judged something: a person, but not the one whom the row is about.
_RATERS = {"evaluator_id", "author_user_id"}
# What the last words of a column's name say that its values are ids of.
_KINDS = {
    "conversation_id": "conversation",
    "session_id": "session",
    "trace_id": "trace",
    "response_id": "response",
    "span_id": "span",
    "ai_parent_id": "span",
    "query_id": "event",
    "observation_id": "event",
    "target_event_id": "event",
    "event_id": "event",
}


class Engine(Protocol):
    """What runs the statements: a connection on either engine (`?` for values)."""

    def run(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """Runs a statement and returns its rows, if it has any."""


@dataclass(frozen=True)
class RawTable:
    """A raw table of events, with what its columns say about whose a row is."""

    name: str
    users: tuple[str, ...]
    devices: tuple[str, ...]
    raters: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    columns: frozenset[str]

    @classmethod
    def of(cls, name: str, stream: Stream, columns: Iterable[str]) -> RawTable:
        """The table of a stream with the columns that it has."""
        there = frozenset(columns)
        persons = [
            item.name
            for item in stream.fields
            if item.is_identifier and item.name in there and item.name not in _GROUPS
        ]
        links = tuple(
            (column, kind) for column in sorted(there) if (kind := link_kind(column)) is not None
        )
        return cls(
            name,
            tuple(one for one in persons if one not in _DEVICES | _RATERS),
            tuple(one for one in persons if one in _DEVICES),
            tuple(one for one in persons if one in _RATERS),
            links,
            there,
        )

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """The columns that tie a row to others; its own id is only what others may name."""
        return tuple(link for link in self.links if link[0] != "event_id")

    @property
    def persons(self) -> tuple[str, ...]:
        """All columns that may say whom a row is about."""
        return (*self.users, *self.devices)

    def names(self, ids: str) -> str:
        """A condition, never NULL: does a row name one of these people (a query of their ids)?"""
        outright = [
            f'coalesce("{column}" in ({ids}), false)' for column in (*self.users, *self.raters)
        ]
        devices = [f'coalesce("{column}" in ({ids}), false)' for column in self.devices]
        nobody = " and ".join(f'"{column}" is null' for column in self.users) or "true"
        if devices:
            outright.append(f"({nobody} and ({' or '.join(devices)}))")
        return f"({' or '.join(outright or ['false'])})"

    @property
    def names_nobody(self) -> str:
        """A condition: does a row name no person at all?"""
        return " and ".join(f'"{column}" is null' for column in self.persons) or "true"


def link_kind(column: str) -> str | None:
    """What a column's values are ids of, if they tie rows together: a conversation or a trace."""
    for ending, kind in _KINDS.items():
        if re.search(rf"(^|_){ending}$", column):
            return kind
    return None


def raw_tables(engine: Engine) -> Iterator[RawTable]:
    """The raw tables of events that the warehouse has."""
    columns: dict[str, list[str]] = {}
    for table, column in engine.run(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = ? and table_catalog = current_database()"
        " order by table_name, ordinal_position",
        [SCHEMA],
    ):
        columns.setdefault(table, []).append(column)
    for source in source_names():
        for stream in find_source(source).streams.values():
            name = f"{source}_{stream.name}"
            if name in columns:
                yield RawTable.of(name, stream, columns[name])


def has_table(engine: Engine, name: str) -> bool:
    """Has the schema raw such a table?"""
    return bool(
        engine.run(
            "select 1 from information_schema.tables where table_schema = ? and table_name = ?"
            " and table_catalog = current_database()",
            [SCHEMA, name],
        )
    )


@dataclass(frozen=True)
class Subject:
    """What was found of some people: temporary tables that name them, and their raw tables.

    `subject_ids` (id) has every id, device and alias; `subject_keys` (kind, key) what is theirs
    alone and ties rows to them that name nobody.
    """

    tables: tuple[RawTable, ...]

    def is_theirs(self, table: RawTable) -> str:
        """A condition on the rows of a table."""
        conditions = [table.names("select id from subject_ids")]
        linked = [
            f'coalesce("{column}" in (select "key" from subject_keys'
            f" where kind = '{kind}'), false)"
            for column, kind in table.references
        ]
        if linked:
            conditions.append(f"({table.names_nobody} and ({' or '.join(linked)}))")
        return f"({' or '.join(conditions)})"


def forms_of(ids: Iterable[str], policies: Iterable[Policy]) -> list[str]:
    """How ids may have landed: as sent, and as their pseudonym under each key that is known."""
    forms: dict[str, None] = {}
    for one in ids:
        forms[one] = None
        forms |= {policy.pseudonym(one): None for policy in policies}
    return list(forms)


def find_subject(engine: Engine, forms: Iterable[str]) -> Subject:
    """Finds all that is of the people with these ids (as landed); makes its temporary tables."""
    tables = tuple(raw_tables(engine))
    engine.run("create temporary table subject_ids (id varchar)")
    engine.run('create temporary table subject_keys (kind varchar, "key" varchar)')
    for form in forms:
        engine.run("insert into subject_ids values (?)", [form])
    _add_aliases(engine, tables)
    _add_devices(engine, tables)
    _add_keys(engine, Subject(tables))
    return Subject(tables)


def naming_lines(ids: Iterable[str], lines: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Places of refused lines that name one of these people, as a word of its own.

    A line is its place (several values) and, last, its text.
    """
    word = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in ids) or r"(?!)")
    return [place for *place, text in lines if word.search(text)]


def _add_aliases(engine: Engine, tables: Iterable[RawTable]) -> None:
    """Adds what identity events say was the person too, and what those aliases were, and so on."""
    claims = [table.name for table in tables if {"alias_id", "user_id"} <= table.columns]
    is_growing = bool(claims)
    while is_growing:
        is_growing = False
        for name in claims:
            found = engine.run(
                f"select distinct alias_id from {SCHEMA}.{name}"
                " where user_id in (select id from subject_ids) and alias_id is not null"
                " and alias_id not in (select id from subject_ids)"
            )
            for row in found:
                engine.run("insert into subject_ids values (?)", list(row))
                is_growing = True


def _add_devices(engine: Engine, tables: Iterable[RawTable]) -> None:
    """Adds devices that were only ever seen with the person."""
    seen: list[str] = []
    for table in tables:
        for device in table.devices:
            for user in table.users:
                where = f'"{device}" is not null and "{user}" is not null'
                theirs = f'coalesce("{user}" in (select id from subject_ids), false)'
                seen.append(
                    f'select "{device}" as id, {theirs} as is_theirs'
                    f" from {SCHEMA}.{table.name} where {where}"
                )
    if seen:
        found = engine.run(
            f"select id from ({' union all '.join(seen)}) as seen group by id"
            " having count(*) = sum(case when is_theirs then 1 else 0 end)"
            " and id not in (select id from subject_ids)"
        )
        for row in found:
            engine.run("insert into subject_ids values (?)", list(row))


def _add_keys(engine: Engine, subject: Subject) -> None:
    """Adds what ties rows that name nobody to the person, until such rows tie no others."""
    engine.run('create temporary table candidates (kind varchar, "key" varchar)')
    is_first = True
    while True:
        engine.run("delete from candidates")
        for table in subject.tables:
            where = (
                table.names("select id from subject_ids")
                if is_first
                else f"{table.names_nobody} and {subject.is_theirs(table)}"
            )
            for column, kind in table.links:
                engine.run(
                    f"""insert into candidates select distinct '{kind}', "{column}" """
                    f'from {SCHEMA}.{table.name} where "{column}" is not null and {where}'
                    f""" and "{column}" not in (select "key" from subject_keys"""
                    f" where kind = '{kind}')"
                )
        # What somebody else's row has too is nobody's alone.
        for table in subject.tables:
            somebody = " or ".join(f'"{column}" is not null' for column in table.persons)
            for column, kind in table.links if somebody else ():
                engine.run(
                    f"delete from candidates where kind = '{kind}'"
                    f' and "key" in (select "{column}"'
                    f" from {SCHEMA}.{table.name} where ({somebody})"
                    f" and not {table.names('select id from subject_ids')}"
                    f' and "{column}" in (select "key" from candidates where kind = \'{kind}\'))'
                )
        before = engine.run("select count(*) from subject_keys")
        engine.run('insert into subject_keys select distinct kind, "key" from candidates')
        if engine.run("select count(*) from subject_keys") == before:
            engine.run("drop table candidates")
            return
        is_first = False
