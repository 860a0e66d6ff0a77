"""Erases people from a lake: files with their rows are written anew, without them.

1. note: one file, erasures/0000000001.parquet, is put into the lake in one step. It holds the
   tombstones, which loads obey from then on, and which rows of which files go; no id.
2. write anew: a load that has such rows gets new files under a new id, then one row of the log that
   shows them takes the place of the old one. Then the old files go, and what was noted of them.

The second step can be taken as often as it takes: what is done is shown no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from llm_analytics.lake.reading import (
    ERASURES,
    PLACES,
    OpenLake,
    load_id_of,
    open_lake,
    show_tombstones,
    urls,
)  # fmt: skip
from llm_analytics.lake.rewriting import locked, number_of, put_note, write_loads_anew
from llm_analytics.lake.storage import Storage
from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.loading.policy import Policy
from llm_analytics.privacy.policy import Policy as PrivacyPolicy
from llm_analytics.privacy.subjects import SCHEMA, find_subject, forms_of, naming_lines
from llm_analytics.privacy.tombstones import add_tombstones, ensure_tables, known_keys


@dataclass(frozen=True)
class LakeErasure:
    """An erasure as the lake notes it; holds no id. Rows by raw table."""

    erasure_id: int
    requested_at: datetime
    policy_version: str
    n_people: int
    n_aliases: int
    n_refused_lines: int
    rows: dict[str, int]


def note_erasure(storage: Storage, ids: Sequence[str]) -> int:
    """The first step; returns the erasure's number. Nothing is changed if it is interrupted.

    Raises LlmAnalyticsError if the lake is empty or cannot be read or written.
    """
    finish_erasures(storage)
    policies = known_keys(Policy.from_environment())
    forms = forms_of(ids, policies)
    with locked(storage) as lake:
        run = lake.target.run
        names = storage.names(ERASURES)
        number = 1 + max((number_of(name) for name in names), default=0)
        _copy_tombstones(lake)
        subject = find_subject(lake.target, forms)
        add_tombstones(lake.target, number)
        run("create table doomed (table_name varchar, file varchar, place bigint)")
        for table in subject.tables:
            run(
                f"insert into doomed select {quote_text(table.name)}, filename, file_row_number"
                f" from {PLACES}.{table.name} where {subject.is_theirs(table)}"
            )
        n_refused = 0
        if "quarantine" in lake.files:
            known = [one for (one,) in run("select id from subject_ids")]
            lines = run(
                f"select filename, file_row_number, raw_text from {PLACES}.quarantine"
                " where raw_text is not null"
            )
            for file, place in naming_lines(known, lines):
                run("insert into doomed values ('quarantine', ?, ?)", [file, place])
                n_refused += 1
        n_known = run("select count(distinct id) from subject_ids")[0][0]
        moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        version = quote_text(PrivacyPolicy.load().version)
        # Names inside of the lake: it may be read from another place when this is taken up again.
        start = len(storage.location) + 2
        query = f"""
            select cast({number} as bigint) as erasure_id,
                timestamp '{moment}' as requested_at, {version} as policy_version,
                cast({len(set(ids))} as bigint) as n_people,
                cast({max(n_known - len(forms), 0)} as bigint) as n_aliases,
                cast({n_refused} as bigint) as n_refused_lines,
                (select hash_key from {SCHEMA}.erasure_key) as hash_key,
                (select coalesce(list(key_hash order by key_hash), []) from {SCHEMA}.erased_keys
                    where erasure_id = {number}) as key_hashes,
                (select coalesce(map_from_entries(list((table_name, n))), map {{}}) from (
                    select table_name, count(*) as n from doomed
                    where table_name <> 'quarantine' group by table_name)) as n_rows,
                (select list({{'file': substr(file, {start}), 'place': place}})
                    from doomed) as doomed"""
        put_note(lake, query, ERASURES, number)
    return number


def finish_erasures(storage: Storage) -> None:
    """The second step, for all erasures that have rows left. Raises LlmAnalyticsError."""
    if not storage.names(ERASURES):
        return
    with locked(storage) as lake:
        run = lake.target.run
        noted = storage.names(ERASURES)
        run(
            "create table doomed as select erasure_id, unnest(doomed, recursive := true)"
            f" from read_parquet({urls(storage, noted)}) where doomed is not null"
        )
        old = {load_id_of(file) for (file,) in run("select distinct file from doomed")}

        def without_their_rows(name: str) -> str:
            # A file without rows stays: tables are views over the files that there are.
            return (
                "select * exclude (file_row_number) from"
                f" read_parquet({urls(storage, [name])}, file_row_number = true,"
                " hive_partitioning = false) where file_row_number not in"
                f" (select place from doomed where file = {quote_text(name)})"
            )

        write_loads_anew(lake, {one for one in old if one}, without_their_rows)
        left = {number for (number,) in run("select distinct erasure_id from doomed")}
        for name in noted:
            if number_of(name) in left:
                lake.write(
                    "select * replace (cast(null as struct(file varchar, place bigint)[])"
                    f" as doomed) from read_parquet({urls(storage, [name])})",
                    name,
                )


def noted_erasures(storage: Storage) -> list[LakeErasure]:
    """All that were ever noted, in order. Raises LlmAnalyticsError."""
    names = storage.names(ERASURES)
    if not names:
        return []
    with open_lake(storage) as lake:
        found = lake.target.run(
            "select erasure_id, requested_at, policy_version, n_people, n_aliases, n_refused_lines,"
            f" n_rows from read_parquet({urls(storage, names)}) order by erasure_id"
        )
    return [LakeErasure(*row) for row in found]


def _copy_tombstones(lake: OpenLake) -> None:
    """Tables with the tombstones of the lake, to which those of an erasure are added."""
    run = lake.target.run
    show_tombstones(run, lake.storage)
    for name in ("erasure_key", "erased_keys") if lake.storage.names(ERASURES) else ():
        run(f"create table copied as select * from {SCHEMA}.{name}")
        run(f"drop view {SCHEMA}.{name}")
        run(f"create table {SCHEMA}.{name} as select * from copied")
        run("drop table copied")
    ensure_tables(lake.target)
