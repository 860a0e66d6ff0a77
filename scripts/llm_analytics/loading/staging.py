"""Checked rows that wait to land: in memory, their texts and ids already treated by the policy."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from llm_analytics.loading.fast_lane import quote_name
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.loading.text_features import TextFeatures
from llm_analytics.privacy.redaction import redactor
from llm_analytics.privacy.tombstones import Tombstones
from llm_analytics.tracking_plan import SIGNATURE_COLUMNS, Stream

Arrays = dict[str, npt.NDArray[Any]]


def staged_columns(stream: Stream) -> dict[str, str]:
    """The columns of a stream's rows before they have the number of their load, and their types."""
    columns = stream.landed_columns()
    return {k: v.replace(" not null", "") for k, v in columns.items() if k != "load_seq"}


class Staging:
    """The staged rows of all streams, one table a piece. Used from several threads."""

    def __init__(self, policy: Policy, tombstones: Tombstones) -> None:
        self._policy = policy
        self._tombstones = tombstones
        self.erased: dict[int, int] = {}
        self._redact = redactor(policy.names_model if policy.redacts else None)
        self._features = TextFeatures(policy.id_key)
        self._pseudonyms: dict[str, str] = {}
        self._numbers = itertools.count()
        self._tables: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def new_table(self) -> str:
        """A name for the rows of one more piece."""
        return f"stage.piece_{next(self._numbers)}"

    def add(self, cursor: duckdb.DuckDBPyConnection, stream: Stream, table: str) -> None:
        """Takes over a table of good rows, numbered by n; treats its texts and ids.

        The rows of people who were erased are not taken, but counted in `erased` by file.
        """
        if self._tombstones:
            self._leave_out_erased(cursor, stream, table)
        names = [row[0] for row in cursor.execute(f"describe {table}").fetchall()]
        values = {name: f"checked.{quote_name(name)}" for name in names}
        joins: list[str] = []
        for number, text in enumerate(stream.text_fields):
            is_signed = text is stream.signature_field
            policy = self._policy.text_of(stream.name, text.name)
            is_redacted = policy is TextPolicy.REDACT
            if text.name in names and (is_signed or is_redacted):
                alias = f"texts_{number}"
                found = self._text_columns(cursor, table, text.name, is_signed, is_redacted)
                cursor.register(alias, found)
                joins.append(f"left join {alias} on {alias}.n = checked.n")
                del values[text.name]
                values |= self._text_values(alias, text.name, is_signed, policy)
        if self._policy.id_key is not None:
            ids = [item.name for item in stream.fields if item.is_identifier]
            ids = [name for name in ids if name in names]
            cursor.register("pseudonyms", self._pseudonym_columns(cursor, table, ids))
            for number, name in enumerate(ids):
                alias = f"id_{number}"
                joins.append(f"left join pseudonyms as {alias} on {alias}.sent = {values[name]}")
                values[name] = f"{alias}.landed"
        if joins:
            table = self._treated(cursor, table, values, joins)
        with self._lock:
            self._tables.setdefault(stream.name, []).append(table)

    def _leave_out_erased(
        self, cursor: duckdb.DuckDBPyConnection, stream: Stream, table: str
    ) -> None:
        counts = self._tombstones.remove(cursor, stream, table)
        with self._lock:
            for number, count in counts.items():
                self.erased[number] = self.erased.get(number, 0) + count

    def finish(self, work: duckdb.DuckDBPyConnection, plan: dict[str, Stream]) -> list[Stream]:
        """Makes the rows of each stream readable as `stage.<stream>`; the streams that have any."""
        streams = [plan[name] for name in self._tables]
        for stream in streams:
            pieces = " union all by name ".join(f"from {t}" for t in self._tables[stream.name])
            staged = {row[0] for row in work.execute(f"describe {pieces}").fetchall()}
            columns = ", ".join(
                f"{quote_name(name) if name in staged else f'cast(null as {kind})'}"
                f" as {quote_name(name)}"
                for name, kind in staged_columns(stream).items()
            )
            work.execute(f"create view stage.{stream.name} as select {columns} from ({pieces})")
        return streams

    def _treated(
        self,
        cursor: duckdb.DuckDBPyConnection,
        table: str,
        values: dict[str, str],
        joins: list[str],
    ) -> str:
        """A copy of a table of checked rows with these values; the table is dropped."""
        treated = self.new_table()
        selected = ", ".join(f"{value} as {quote_name(name)}" for name, value in values.items())
        cursor.execute(
            f"create table {treated} as select {selected} from {table} as checked {' '.join(joins)}"
        )
        cursor.execute(f"drop table {table}")
        return treated

    def _text_columns(
        self,
        cursor: duckdb.DuckDBPyConnection,
        table: str,
        name: str,
        is_signed: bool,
        is_redacted: bool,
    ) -> Arrays:
        """What is computed from the texts of a table, by the number n of their rows."""
        text = quote_name(name)
        found = cursor.execute(
            f"select list(n) as n, encode(string_agg({text} || chr(0), '')) as texts"
            f" from {table} where {text} is not null"
        ).fetchnumpy()
        texts = bytes(found["texts"][0] or b"")
        columns: Arrays = {"n": np.asarray(found["n"][0] if texts else [], dtype=np.int64)}
        if is_signed:
            columns |= zip(SIGNATURE_COLUMNS, self._features.signatures(texts), strict=True)
        if is_redacted:
            redacted = [self._redact(one) for one in texts.decode().split("\0")[:-1]]
            columns["redacted"] = np.array([*redacted, ""], dtype=object)[:-1]
        return columns

    def _text_values(
        self, texts: str, name: str, is_signed: bool, policy: TextPolicy
    ) -> dict[str, str]:
        """SQL of the columns that come from a text, with the text itself where it may land."""
        values = {}
        if is_signed:
            count, *halves = SIGNATURE_COLUMNS
            values[count] = f"{texts}.{count}"
            values |= {
                half: f"case when {texts}.{count} > 0 then {texts}.{half} end" for half in halves
            }
        if policy is TextPolicy.KEEP:
            values[name] = f"checked.{quote_name(name)}"
        elif policy is TextPolicy.REDACT:
            values[name] = f"{texts}.redacted"
        return values

    def _pseudonym_columns(
        self, cursor: duckdb.DuckDBPyConnection, table: str, ids: list[str]
    ) -> Arrays:
        """The ids of a table as sent, each once, and as they land."""
        every = " union all ".join(f"select {quote_name(name)} as id from {table}" for name in ids)
        distinct = f"select distinct id from ({every}) where id is not null"
        sent = [row[0] for row in cursor.execute(distinct).fetchall()] if ids else []
        for one in sent:
            if one not in self._pseudonyms:
                self._pseudonyms[one] = self._policy.pseudonym(one)
        landed = [self._pseudonyms[one] for one in sent]
        # One more, so that the engine sees strings where a table has no id.
        return {
            "sent": np.array([*sent, ""], dtype=object),
            "landed": np.array([*landed, ""], dtype=object),
        }
