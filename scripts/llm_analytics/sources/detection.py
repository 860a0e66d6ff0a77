"""Which source a file is of, told from its first records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.loading.inputs import Content, InputFile
from llm_analytics.loading.reading import json_blocks
from llm_analytics.loading.slow_lane import Rejected
from llm_analytics.loading.unpacking import native_lines, parse_native
from llm_analytics.scratch import scratch_folder
from llm_analytics.sources.registry import find_source, source_names
from llm_analytics.warehouse import confine

_FIRST = 20


def detect(item: InputFile) -> str:
    """The name of the one source that recognises a file.

    Raises LlmAnalyticsError if none does or several do, naming those it could be.
    """
    natives = first_records(item)
    found = [name for name in source_names() if _recognises(name, item, natives)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(found or source_names())
    what = "could be of several sources" if found else "is of no source that is known"
    raise LlmAnalyticsError(f"{item.name} {what}: load it with --source, one of {names}")


def first_records(item: InputFile) -> list[dict[str, Any]]:
    """The first native records of a file that are JSON objects."""
    return list(islice(_records(item), _FIRST))


def _records(item: InputFile) -> Iterator[dict[str, Any]]:
    if item.path is None:
        raise LlmAnalyticsError("standard input cannot be read twice: use load --source")
    with item.path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet:
        yield from _parquet_rows(item.path)
        return
    with scratch_folder() as folder, duckdb.connect() as work:
        confine(work, [str(folder)])
        blocks = json_blocks(item, Content(item), folder, {}, {}, work)
        for number, raw in enumerate(native_lines(blocks, item.format)):
            if number > 10 * _FIRST:
                return
            try:
                yield parse_native(raw, item.format == ".csv")
            except Rejected:
                continue


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with duckdb.connect() as work:
            rows = work.execute(
                f"select to_json(r) from (from read_parquet({quote_text(str(path))},"
                f" hive_partitioning = false) limit {_FIRST}) as r"
            ).fetchall()
    except duckdb.Error as error:
        line = str(error).splitlines()[0]
        raise LlmAnalyticsError(f"{path} cannot be read as Parquet: {line}") from error
    for (text,) in rows:
        yield json.loads(text)


def _recognises(name: str, item: InputFile, natives: list[dict[str, Any]]) -> bool:
    source = find_source(name)
    if source.unpacker is not None:
        return any(source.unpacker.recognises(native) for native in natives)
    events = {stream.event for stream in source.streams.values()}
    return any(
        "timestamp" in native
        and (native.get("event") in events or ("event" not in native and item.stream is not None))
        for native in natives
    )
