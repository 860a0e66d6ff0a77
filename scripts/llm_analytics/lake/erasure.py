"""Erases people from a lake: files with their rows are written anew, without them.

1. note: one file, erasures/0000000001.parquet, is put into the lake in one step. It holds the
   tombstones, which loads obey from then on, and which rows of which files go; no id.
2. write anew: a load that has such rows gets new files under a new id, then one row of the log that
   shows them takes the place of the old one. Then the old files go, and what was noted of them.

The second step can be taken as often as it takes: what is done is shown no more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.lake.reading import (
    ERASURES,
    FORMAT,
    LOG,
    PLACES,
    OpenLake,
    load_id_of,
    open_lake,
    show_tombstones,
    urls,
)  # fmt: skip
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


@contextmanager
def _locked(storage: Storage) -> Iterator[OpenLake]:
    """The lake, while no load writes to it where the storage can tell."""
    with open_lake(storage) as lake:
        if not lake.files:
            raise LlmAnalyticsError(f"nothing was ever loaded into {storage.location}")
    storage.lock()
    try:
        with open_lake(storage) as lake:
            yield lake
    finally:
        storage.unlock()


def note_erasure(storage: Storage, ids: Sequence[str]) -> int:
    """The first step; returns the erasure's number. Nothing is changed if it is interrupted.

    Raises LlmAnalyticsError if the lake is empty or cannot be read or written.
    """
    finish_erasures(storage)
    policies = known_keys(Policy.from_environment())
    forms = forms_of(ids, policies)
    with _locked(storage) as lake:
        run = lake.target.run
        names = storage.names(ERASURES)
        number = 1 + max((_number_of(name) for name in names), default=0)
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
        file = lake.folder / "erasure.parquet"
        run(f"copy ({query}) to {quote_text(str(file))} ({FORMAT})")
        if not storage.put_new(file, f"{ERASURES}/{number:010d}.parquet"):
            raise LlmAnalyticsError(
                f"{storage.location}: another erasure was done meanwhile; nothing was changed,"
                " call it again"
            )
    return number


def finish_erasures(storage: Storage) -> None:
    """The second step, for all erasures that have rows left. Raises LlmAnalyticsError."""
    if not storage.names(ERASURES):
        return
    with _locked(storage) as lake:
        run = lake.target.run
        noted = storage.names(ERASURES)
        run(
            "create table doomed as select erasure_id, unnest(doomed, recursive := true)"
            f" from read_parquet({urls(storage, noted)}) where doomed is not null"
        )
        old = {load_id_of(file) for (file,) in run("select distinct file from doomed")}
        shown = {load_id_of(name) for names in lake.files.values() for name in names}
        for load_id in sorted(one for one in old & shown if one):
            _write_anew(lake, load_id)
        for name in storage.names(SCHEMA):
            if load_id_of(name) in old - {None}:
                storage.remove(name)
        left = {number for (number,) in run("select distinct erasure_id from doomed")}
        for name in noted:
            if _number_of(name) in left:
                lake.write(
                    "select * replace (cast(null as struct(file varchar, place bigint)[])"
                    f" as doomed) from read_parquet({urls(storage, [name])})",
                    name,
                )


def _write_anew(lake: OpenLake, load_id: str) -> None:
    """Gives a load new files without the rows that go, and shows them instead of the old ones."""
    load_seq = load_id.split("-", maxsplit=1)[0]
    new_id = f"{load_seq}-{secrets.token_hex(4)}"
    for names in lake.files.values():
        for name in names:
            if load_id_of(name) == load_id:
                # A file without rows stays: tables are views over the files that there are.
                lake.write(
                    "select * exclude (file_row_number) from"
                    f" read_parquet({urls(lake.storage, [name])}, file_row_number = true,"
                    " hive_partitioning = false) where file_row_number not in"
                    f" (select place from doomed where file = {quote_text(name)})",
                    name.replace(f"load_id={load_id}", f"load_id={new_id}"),
                )
    log = f"{LOG}/{load_seq}.parquet"
    lake.write(
        f"select * replace ({quote_text(new_id)} as load_id)"
        f" from read_parquet({urls(lake.storage, [log])})",
        log,
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


def _number_of(name: str) -> int:
    return int(name.rsplit("/", 1)[1].removesuffix(".parquet"))
