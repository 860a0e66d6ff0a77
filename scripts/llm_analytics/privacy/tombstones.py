"""Who was erased, so that an old file does not bring them back: keyed hashes, no ids."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable

import duckdb

from llm_analytics.loading.policy import Policy
from llm_analytics.privacy.subjects import SCHEMA, Engine, RawTable
from llm_analytics.tracking_plan import Stream

_PERSON = "person"
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s",;:{}\[\]]+)')


def known_keys(current: Policy) -> list[Policy]:
    """The policy, and one for each key that ids landed under before it was changed.

    LLM_ANALYTICS_OLD_ID_KEYS holds the old keys, separated by spaces.
    """
    old = os.environ.get("LLM_ANALYTICS_OLD_ID_KEYS", "").split()
    return [current, *(Policy(id_key=key.encode()) for key in old)]


def ensure_tables(engine: Engine) -> None:
    """Creates the tables of erasures where they are absent; the hashes' key is drawn once."""
    engine.run(f"create table if not exists {SCHEMA}.erasure_key (hash_key varchar not null)")
    engine.run(
        f"create table if not exists {SCHEMA}.erased_keys"
        " (key_hash varchar not null, erasure_id bigint not null)"
    )
    if not engine.run(f"select 1 from {SCHEMA}.erasure_key"):
        engine.run(f"insert into {SCHEMA}.erasure_key values (?)", [secrets.token_hex(32)])


def add_tombstones(engine: Engine, erasure_id: int) -> None:
    """Writes the hashes of what `find_subject` found, and of nothing that is there already."""
    key = engine.run(f"select hash_key from {SCHEMA}.erasure_key")[0][0]
    hashes = {_hash(key, _PERSON, one) for (one,) in engine.run("select id from subject_ids")}
    hashes |= {
        _hash(key, kind, one) for kind, one in engine.run('select kind, "key" from subject_keys')
    }
    hashes -= {one for (one,) in engine.run(f"select key_hash from {SCHEMA}.erased_keys")}
    for one in sorted(hashes):
        engine.run(f"insert into {SCHEMA}.erased_keys values (?, ?)", [one, erasure_id])


def _hash(key: str, kind: str, value: str) -> str:
    return hmac.new(bytes.fromhex(key), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


class Tombstones:
    """The erased people and what was theirs alone, as a load needs them."""

    def __init__(self, key: str = "", hashes: Iterable[str] = (), policy: Policy | None = None):
        self._key = key
        self._hashes = frozenset(hashes)
        self._policies = known_keys(policy or Policy())
        self._known: dict[tuple[str, str], bool] = {}

    @classmethod
    def read(cls, engine: Engine, policy: Policy) -> Tombstones:
        """Those of a warehouse; none where nobody was ever erased."""
        there = engine.run(
            # Without values: DuckDB imports pandas for them, and loses Ctrl-C meanwhile.
            f"select 1 from information_schema.tables where table_schema = '{SCHEMA}'"
            " and table_name = 'erased_keys' and table_catalog = current_database()"
        )
        if not there:
            return cls()
        hashes = engine.run(f"select key_hash from {SCHEMA}.erased_keys")
        key = engine.run(f"select hash_key from {SCHEMA}.erasure_key")[0][0]
        return cls(key, (row[0] for row in hashes), policy)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def is_person(self, sent: str) -> bool:
        """Was this person, device or alias erased? As sent, or as a pseudonym that landed."""
        known = self._known.get((_PERSON, sent))
        if known is None:
            forms = {sent, *(policy.pseudonym(sent) for policy in self._policies)}
            known = any(_hash(self._key, _PERSON, form) in self._hashes for form in forms)
            self._known[_PERSON, sent] = known
        return known

    def is_key(self, kind: str, value: str) -> bool:
        """Was this conversation, trace or the like an erased person's alone?"""
        known = self._known.get((kind, value))
        if known is None:
            known = _hash(self._key, kind, value) in self._hashes
            self._known[kind, value] = known
        return known

    def are_in(self, line: bytes) -> bool:
        """Does a line that was refused name an erased person in any cell or string?"""
        text = line.decode("utf-8", "replace")
        return any(self.is_person(quoted or bare) for quoted, bare in _TOKEN.findall(text))

    def remove(
        self, cursor: duckdb.DuckDBPyConnection, stream: Stream, table: str
    ) -> dict[int, int]:
        """Deletes the rows of erased people from a staged table; returns how many by file."""
        names = [row[0] for row in cursor.execute(f"describe {table}").fetchall()]
        staged = RawTable.of(table, stream, names)
        cursor.execute("create or replace temporary table erased_ids (id varchar)")
        cursor.execute(
            'create or replace temporary table erased_links (kind varchar, "key" varchar)'
        )
        people = {
            one
            for column in (*staged.persons, *staged.raters)
            for one in _distinct(cursor, table, column)
            if self.is_person(one)
        }
        links = {
            (kind, one)
            for column, kind in staged.references
            for one in _distinct(cursor, table, column, staged.names_nobody)
            if self.is_key(kind, one)
        }
        if not people and not links:
            return {}
        if people:
            cursor.executemany("insert into erased_ids values (?)", [[one] for one in people])
        if links:
            cursor.executemany("insert into erased_links values (?, ?)", [list(x) for x in links])
        conditions = [staged.names("select id from erased_ids")]
        conditions += [
            f'({staged.names_nobody} and coalesce("{column}" in'
            f" (select \"key\" from erased_links where kind = '{kind}'), false))"
            for column, kind in staged.references
        ]
        where = " or ".join(conditions)
        counts = cursor.execute(
            f"select file_number, count(*) from {table} where {where} group by file_number"
        ).fetchall()
        cursor.execute(f"delete from {table} where {where}")
        return dict(counts)


def _distinct(
    cursor: duckdb.DuckDBPyConnection, table: str, column: str, where: str = "true"
) -> list[str]:
    """The values of a column of a staged table, each once."""
    found = cursor.execute(
        f'select distinct "{column}" from {table} where "{column}" is not null and {where}'
    )
    return [row[0] for row in found.fetchall()]
