"""Purges a lake of texts that are too old: files with such texts are written anew, without them.

1. note: one file, purges/0000000001.parquet, is put into the lake in one step: which texts are too
   old, how many rows have them, and which loads brought those.
2. write anew: such a load gets new files, as in an erasure (erasure.py).
"""

from __future__ import annotations

from datetime import datetime

from llm_analytics.lake.erasure import finish_erasures
from llm_analytics.lake.reading import PLACES, PURGES, load_id_of, urls
from llm_analytics.lake.rewriting import locked, number_of, put_note, write_loads_anew
from llm_analytics.lake.storage import Storage
from llm_analytics.privacy.policy import Policy
from llm_analytics.privacy.texts import OldTexts, old_texts


def purge_lake(storage: Storage, now: datetime) -> dict[str, int]:
    """Removes the texts that are too old by the policy; how many by raw table.

    What was interrupted is finished first, and was counted then. Raises LlmAnalyticsError.
    """
    finish_erasures(storage)
    finish_purges(storage)
    counts = _note_purge(storage, now)
    finish_purges(storage)
    return counts


def _note_purge(storage: Storage, now: datetime) -> dict[str, int]:
    """The first step. Nothing is noted where nothing is too old."""
    policy = Policy.load()
    counts: dict[str, int] = {}
    with locked(storage) as lake:
        run = lake.target.run
        number = 1 + max((number_of(name) for name in storage.names(PURGES)), default=0)
        run(
            "create table note (purge_id bigint, purged_at timestamp, policy_version varchar,"
            " table_name varchar, column_name varchar, loaded_before timestamp, n_rows bigint,"
            " load_ids varchar)"
        )
        for texts in old_texts(lake.target, policy, now):
            found = run(
                "select filename, count(*)"
                f" from {PLACES}.{texts.table} where {texts.rows} group by filename"
            )
            if found:
                n_rows = sum(count for _, count in found)
                counts[texts.table] = counts.get(texts.table, 0) + n_rows
                loads = sorted(filter(None, {load_id_of(file) for file, _ in found}))
                run(
                    "insert into note values (?, ?, ?, ?, ?, ?, ?, ?)",
                    [number, now, policy.version, *texts, n_rows, ",".join(loads)],
                )
        if counts:
            put_note(lake, "select * from note", PURGES, number)
    return counts


def finish_purges(storage: Storage) -> None:
    """The second step, for all purges that were noted. Raises LlmAnalyticsError."""
    names = storage.names(PURGES)
    if not names:
        return
    with locked(storage) as lake:
        noted = lake.target.run(
            "select table_name, column_name, max(loaded_before), string_agg(load_ids, ',')"
            f" from read_parquet({urls(storage, names)}) group by all"
        )

        def without_old_texts(name: str) -> str:
            file = f"read_parquet({urls(storage, [name])}, hive_partitioning = false)"
            # A text that the plan has gained since is in no earlier file.
            held = {row[0] for row in lake.target.run(f"describe select * from {file}")}
            emptied = ", ".join(
                f'case when not ({texts.rows}) then "{texts.column}" end as "{texts.column}"'
                for texts in (OldTexts(*row[:3]) for row in noted)
                if texts.table == name.split("/")[1] and texts.column in held
            )
            return f"select * {f'replace ({emptied})' if emptied else ''} from {file}"

        write_loads_anew(
            lake, {one for *_, loads in noted for one in loads.split(",")}, without_old_texts
        )
