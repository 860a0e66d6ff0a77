"""Turns CSV and JSON arrays into JSON lines, one a record, so that all formats share one check."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.reasons import Reason
from llm_analytics.loading.scan import LINE_BYTES, Verdicts
from llm_analytics.tracking_plan import Stream

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_BATCH = 2000


def _text_lines(blocks: Iterator[bytes]) -> Iterator[str]:
    """Lines of a text with their ends; bytes that are not UTF-8 become lone surrogates."""
    rest = b""
    is_first = True
    for block in blocks:
        data = rest + (block.removeprefix(b"\xef\xbb\xbf") if is_first else block)
        is_first = False
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if len(rest) > LINE_BYTES:
            raise LlmAnalyticsError("a CSV line is longer than 16 MiB")
        yield from data[:cut].decode("utf-8", "surrogateescape").splitlines(keepends=True)
    if rest:
        yield rest.decode("utf-8", "surrogateescape")


def json_value(text: str, kind: str) -> str | None:
    """A cell as JSON by the kind its field has in the plan; None when empty (absent)."""
    if text == "":
        return None
    if kind in ("integer", "number", "timestamp") and _NUMBER.fullmatch(text):
        return text
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower()
    return json.dumps(text, ensure_ascii=True)


def csv_lines(
    blocks: Iterator[bytes], stream: Stream | None, verdicts: Verdicts
) -> Iterator[bytes]:
    """The records of a CSV file with a header, as JSON lines in blocks.

    A record that cannot be one is written as an array, and `verdicts` says why by its number.
    """
    kinds = {item.name: str(item.kind) for item in stream.fields} if stream else {}
    csv.field_size_limit(LINE_BYTES)
    reader = csv.reader(_text_lines(blocks))
    batch: list[str] = []
    number = 0
    try:
        header = next(reader, None)
        if header is None:
            return
        keys = [json.dumps(name) for name in header]
        for row in reader:
            number += 1
            if not row:
                batch.append("")
            elif any("\udc80" <= c <= "\udcff" for cell in row for c in cell if c > "\ud7ff"):
                verdicts[number] = (Reason.INVALID_UTF8, None)
                batch.append(json.dumps(row))
            elif len(row) != len(header):
                verdicts[number] = (Reason.WRONG_CELL_COUNT, None)
                batch.append(json.dumps(row))
            else:
                cells = (
                    (key, json_value(text, kinds.get(name, "string")))
                    for key, name, text in zip(keys, header, row, strict=True)
                )
                batch.append("{" + ",".join(f"{k}:{v}" for k, v in cells if v is not None) + "}")
            if len(batch) >= _BATCH:
                yield ("\n".join(batch) + "\n").encode()
                batch = []
    except csv.Error as error:
        raise LlmAnalyticsError(
            f"the CSV cannot be read at record {number + 1}: {error}"
        ) from error
    if batch:
        yield ("\n".join(batch) + "\n").encode()


def is_array(head: bytes) -> bool:
    """Whether content that begins like this is a JSON array rather than lines."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(b"[")


def array_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The elements of a JSON array, one a line; line breaks between their tokens become spaces.

    Looks at strings and brackets only. What is not JSON stays so, and is found by the checks: a
    cut array's last element, and anything after the closing bracket, come out as lines too.
    """
    buffer = b""
    position = depth = start = 0
    is_last = False
    source = iter(blocks)
    while not is_last:
        block = next(source, None)
        is_last = block is None
        buffer += block or b""
        if len(buffer) - start > 2 * LINE_BYTES and not is_last and position == start:
            raise LlmAnalyticsError("an element of the JSON array is longer than 16 MiB")
        # A token may straddle the end: keep the tail until more is known.
        quiet = len(buffer) if is_last else _last_whole(buffer, position)
        out: list[bytes] = []
        for match in _TOKEN.finditer(buffer, position, quiet):
            token = match[0]
            position = match.end()
            if token in (b"[", b"{"):
                depth += 1
                if depth == 1:
                    start = position
            elif token in (b"]", b"}"):
                depth -= 1
                if depth == 0:
                    element = _one_line(buffer[start : match.start()])
                    if element.strip():
                        out.append(element)
                    start = position
            elif token == b"," and depth == 1:
                out.append(_one_line(buffer[start : match.start()]) or b"null")
                start = position
        if is_last and buffer[start:].strip():
            out.append(_one_line(buffer[start:]))
        if out:
            yield b"\n".join(out) + b"\n"
        buffer = buffer[start:]
        position -= start
        start = 0


def _last_whole(buffer: bytes, position: int) -> int:
    """Up to where tokens are whole: before a string that has no end yet."""
    end = position
    for match in _TOKEN.finditer(buffer, position):
        end = match.end()
    opened = buffer.find(b'"', end)
    return len(buffer) if opened < 0 else opened


def _one_line(element: bytes) -> bytes:
    """An element without raw line breaks; in a string, where they are wrong, it stays wrong."""
    if b"\n" not in element:
        return element.strip(b" \t\r")
    # Inside a string a raw line break is an error; a raw tab is the same error on one line.
    fixed = _TOKEN.sub(lambda m: m[0].replace(b"\n", b"\t").replace(b"\r", b"\t"), element)
    return fixed.replace(b"\n", b" ").replace(b"\r", b" ").strip(b" \t")
