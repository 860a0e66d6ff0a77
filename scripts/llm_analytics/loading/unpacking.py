"""Turns the native records of a source into flat JSON lines, which all checks then share.

Every native record leaves at least one line: its flat records, an empty line where it holds none,
or, set aside by a space in front of it, what cannot be unpacked, with the verdict on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.formats import json_value
from llm_analytics.loading.inputs import LINE_FORMATS
from llm_analytics.loading.reasons import Reason
from llm_analytics.loading.scan import Verdicts
from llm_analytics.loading.slow_lane import PYTHON_NUMBERS, Rejected, parse_object
from llm_analytics.sources.base import Context, Malformed, Record, Source
from llm_analytics.tracking_plan import Field

NATIVE_BYTES = 256 << 20
_BLOCK_BYTES = 1 << 20
_BLANK = b" \t\r"
# What an unpacker raises over a record that is not built as it expects.
_SURPRISES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def native_lines(blocks: Iterator[bytes], file_format: str) -> Iterator[bytes]:
    """The native records, one JSON text each, without a newline; one document is one of them.

    Raises LlmAnalyticsError for a document of more than 256 MiB.
    """
    buffer = b""
    is_first = True
    for block in blocks:
        buffer += block
        if is_first and b"\n" in buffer:
            is_first = False
            buffer = buffer.removeprefix(b"\xef\xbb\xbf")
            head = buffer[: buffer.index(b"\n")]
            if file_format not in LINE_FORMATS and _is_begun(head):
                yield from _document_or_lines(buffer, blocks)
                return
        *lines, buffer = buffer.split(b"\n")
        yield from lines
        if len(buffer) > 2 * NATIVE_BYTES:
            raise LlmAnalyticsError("a line is longer than 512 MiB")
    if buffer:
        yield buffer.removeprefix(b"\xef\xbb\xbf") if is_first else buffer


def _is_begun(head: bytes) -> bool:
    """Whether a first line is no JSON object by itself, but may begin one of several lines."""
    if not head.lstrip(_BLANK).startswith(b"{"):
        return False
    try:
        parse_object(head, PYTHON_NUMBERS)
    except Rejected:
        return True
    return False


def _document_or_lines(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The whole content as one record if it is one JSON object, else its lines."""
    parts, n_bytes = [head], len(head)
    for block in blocks:
        parts.append(block)
        n_bytes += len(block)
        if n_bytes > NATIVE_BYTES:
            raise LlmAnalyticsError("a JSON document is longer than 256 MiB: write one a line")
    content = b"".join(parts)
    try:
        parse_object(content, PYTHON_NUMBERS)
    except Rejected:
        yield from content.removesuffix(b"\n").split(b"\n")
    else:
        yield content


def parse_native(raw: bytes, is_csv: bool = False) -> dict[str, Any]:
    """A native record; cells of CSV that hold JSON objects or arrays are read. Raises Rejected."""
    if len(raw) > NATIVE_BYTES:
        raise Rejected(Reason.LINE_TOO_LONG)
    native = parse_object(raw, PYTHON_NUMBERS)
    if is_csv:
        for name, value in native.items():
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                try:
                    native[name] = PYTHON_NUMBERS.decode(value)
                except (ValueError, RecursionError):
                    continue
    return native


@dataclass
class FlatRecords:
    """The flat records of one file; `verdicts` gets those on its lines, by their numbers."""

    source: Source
    context: Context
    native_verdicts: Verdicts
    verdicts: Verdicts
    n_lines: int = field(default=0, init=False)

    def blocks(self, blocks: Iterator[bytes], file_format: str) -> Iterator[bytes]:
        """JSON lines in blocks, from a file's content as JSON of any layout."""
        batch: list[bytes] = []
        n_bytes = 0
        for number, raw in enumerate(native_lines(blocks, file_format), start=1):
            for line in self._lines(raw, self.native_verdicts.pop(number, None)):
                self.n_lines += 1
                batch.append(line)
                n_bytes += len(line)
            if n_bytes > _BLOCK_BYTES:
                yield b"\n".join([*batch, b""])
                batch, n_bytes = [], 0
        if batch:
            yield b"\n".join([*batch, b""])

    def _lines(self, raw: bytes, verdict: tuple[Reason, str | None] | None) -> Iterator[bytes]:
        """The lines of one native record."""
        if not raw.strip(_BLANK):
            yield b""
            return
        if verdict is not None:
            yield self._set_aside(raw, *verdict)
            return
        try:
            native = parse_native(raw, self.context.is_csv)
        except Rejected as rejected:
            yield self._set_aside(raw, rejected.reason, rejected.detail)
            return
        is_empty = True
        try:
            for item in self.source.unpacker.unpack(native, self.context):  # type: ignore[union-attr]
                is_empty = False
                yield self._flat(item) if isinstance(item, Record) else self._malformed(raw, item)
        except Malformed as malformed:
            yield self._malformed(raw, malformed)
        except _SURPRISES:
            yield self._set_aside(raw, Reason.WRONG_STRUCTURE)
        else:
            if is_empty:
                yield b""

    def _flat(self, record: Record) -> bytes:
        stream = self.source.streams.get(record.stream)
        if stream is None:
            raise LlmAnalyticsError(f"{self.source.name} has no schema for {record.stream!r}")
        fields: dict[str, Any] = {"event": stream.event}
        for name, value in record.fields.items():
            declared = stream.by_name.get(name)
            if declared is not None and value is not None:
                fields[name] = self._typed(declared, value)
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()

    def _typed(self, declared: Field, value: Any) -> Any:
        """The value; from CSV, where all is text, as the kind that its field has."""
        if not self.context.is_csv or not isinstance(value, str):
            return value
        typed = json_value(value, declared.kind)
        return None if typed is None else PYTHON_NUMBERS.decode(typed)

    def _malformed(self, raw: bytes, malformed: Malformed) -> bytes:
        part = raw if malformed.native is None else json.dumps(malformed.native).encode()
        return self._set_aside(part, malformed.reason, malformed.detail)

    def _set_aside(self, raw: bytes, reason: Reason, detail: str | None = None) -> bytes:
        """A line that the scanner passes on with the verdict on it, whatever it looks like."""
        self.verdicts[self.n_lines + 1] = (reason, detail)
        return b" " + raw.replace(b"\n", b" ")
