"""Gives loads of a lake other files: what erasures and purges have in common.

Both note in one step what has to go, then write it anew, which can be taken as often as it takes.
Nothing is noted before all that was noted earlier is done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.lake.reading import LOG, OpenLake, load_id_of, open_lake, urls
from llm_analytics.lake.storage import Storage
from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.privacy.subjects import SCHEMA


@contextmanager
def locked(storage: Storage) -> Iterator[OpenLake]:
    """The lake, while no load writes to it where the storage can tell."""
    with open_lake(storage) as lake:
        if not lake.files:
            raise LlmAnalyticsError(f"nothing was ever loaded into {storage.location}")
    storage.lock()
    try:
        with open_lake(storage) as lake:
            _remove_leftovers(lake)
            yield lake
    finally:
        storage.unlock()


def _remove_leftovers(lake: OpenLake) -> None:
    """Removes what interrupted calls have left of loads of which the log shows other files.

    What belongs to a load that is not in the log may be the work of one that is under way.
    """
    shown = {load_id_of(name) for names in lake.files.values() for name in names}
    numbers = {number_of(name) for name in lake.files["loads"]}
    for name in lake.storage.names(SCHEMA):
        load_id = load_id_of(name)
        if load_id and load_id not in shown and int(load_id.split("-")[0]) in numbers:
            lake.storage.remove(name)


def number_of(name: str) -> int:
    """The number that is the name of a file."""
    return int(name.rsplit("/", 1)[1].removesuffix(".parquet"))


def put_note(lake: OpenLake, query: str, folder: str, number: int) -> None:
    """Puts the rows of a query into the lake as the note of a number.

    Raises LlmAnalyticsError if another note has it.
    """
    file = lake.folder / "note.parquet"
    lake.copy(query, file)
    if not lake.storage.put_new(file, f"{folder}/{number:010d}.parquet"):
        raise LlmAnalyticsError(
            f"{lake.storage.location}: another call was done meanwhile; nothing was changed,"
            " call it again"
        )


def write_loads_anew(lake: OpenLake, load_ids: set[str], rows: Callable[[str], str]) -> None:
    """Gives loads new files instead of those that they have, which are removed.

    `rows` is the query of what the new file holds instead of one of that name. A load that has new
    files already is let be, but for what is left of its old ones.
    """
    shown = {load_id_of(name) for names in lake.files.values() for name in names}
    for load_id in sorted(load_ids & shown):
        _write_anew(lake, load_id, rows)
    for name in lake.storage.names(SCHEMA):
        if load_id_of(name) in load_ids:
            lake.storage.remove(name)


def _write_anew(lake: OpenLake, load_id: str, rows: Callable[[str], str]) -> None:
    """Writes the files of a load under a new id, then has the log show them instead of the old."""
    load_seq = load_id.split("-", maxsplit=1)[0]
    new_id = f"{load_seq}-{secrets.token_hex(4)}"
    for names in lake.files.values():
        for name in names:
            if load_id_of(name) == load_id:
                lake.write(rows(name), name.replace(f"load_id={load_id}", f"load_id={new_id}"))
    log = f"{LOG}/{load_seq}.parquet"
    lake.write(
        f"select * replace ({quote_text(new_id)} as load_id)"
        f" from read_parquet({urls(lake.storage, [log])})",
        log,
    )
