"""Reads one input as JSON lines, whatever its format."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.fast_lane import quote_text
from llm_analytics.loading.formats import array_lines, csv_lines, is_array
from llm_analytics.loading.inputs import LINE_FORMATS, Content, InputFile
from llm_analytics.loading.scan import Verdicts
from llm_analytics.tracking_plan import Stream


def json_blocks(
    item: InputFile,
    content: Content,
    folder: Path,
    plan: dict[str, Stream],
    verdicts: Verdicts,
    work: duckdb.DuckDBPyConnection,
) -> Iterator[bytes]:
    """The content as blocks of JSON lines, whatever its format."""
    source = content.blocks()
    head = next(source, b"")
    source = itertools.chain([head] if head else [], source)
    if item.format == ".csv":
        return csv_lines(source, plan.get(item.stream or ""), verdicts)
    if head.startswith(b"PAR1"):
        return _parquet_lines(item, source, folder, work)
    if item.format in (".parquet", ".pq") and head:
        raise LlmAnalyticsError(f"{item.name} is not a Parquet file")
    if item.format not in LINE_FORMATS and is_array(head):
        return array_lines(source)
    return source


def _parquet_lines(
    item: InputFile, blocks: Iterator[bytes], folder: Path, work: duckdb.DuckDBPyConnection
) -> Iterator[bytes]:
    """The rows of a Parquet file as JSON lines."""
    copy, lines = folder / "input.parquet", folder / "input.jsonl"
    with copy.open("wb") as file:
        file.writelines(blocks)
    cursor = work.cursor()
    try:
        cursor.execute(
            f"copy (select * from read_parquet({quote_text(str(copy))}, hive_partitioning = false,"
            f" file_row_number = false)) to {quote_text(str(lines))}"
            " (format json, timestampformat '%Y-%m-%dT%H:%M:%S.%fZ')"
        )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        first = str(error).splitlines()[0].replace(str(copy), item.name)
        raise LlmAnalyticsError(f"{item.name} cannot be read as Parquet: {first}") from error
    finally:
        cursor.close()
        copy.unlink()
    with lines.open("rb") as stream:
        while block := stream.read(1 << 20):
            yield block
    lines.unlink()
