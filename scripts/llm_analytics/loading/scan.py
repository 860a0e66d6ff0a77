"""Cuts content into lines and packs them into pieces that the fast lane reads at once.

One vectorised pass over the bytes finds the lines, sets aside what DuckDB's reader would take
although it is not JSON (trailing commas, NaN) or what cannot be stored (NUL), and keeps for each
line its file, number and byte offset.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from llm_analytics.loading.inputs import InputFile
from llm_analytics.loading.reasons import Reason

LINE_BYTES = 16 << 20
PIECE_BYTES = 32 << 20
KEPT_BYTES = 64 << 10
_BLOCK = 1 << 17
_EVENT = re.compile(rb'"event"[ \t]*:[ \t]*"([^"\\]*)"')
_BLANK = b" \t\r"
_LOOK = 64
_BEFORE_VALUE = np.zeros(256, dtype=np.bool_)
_BEFORE_VALUE[[*range(0x21), *b":,[-"]] = True
_NO_NUMBER = re.compile(rb"(nan|inf|infinity)(?=[\s,}\]]|\Z)", re.IGNORECASE)

Bytes = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """One line for the strict parser. A reason set here is final; detail says of which field."""

    file_number: int
    line_number: int
    byte_offset: int
    raw: bytes
    stream: str | None
    reason: Reason | None = None
    detail: str | None = None


# Verdicts on records known beforehand: reason and detail, by the number of the line.
Verdicts = dict[int, tuple[Reason, str | None]]


@dataclass
class Counts:
    """What the scanner counted in one file, and the verdicts on records known beforehand."""

    n_lines: int = 0
    n_blank: int = 0
    verdicts: Verdicts = field(default_factory=dict)


class PieceFiles:
    """The files of pieces, each written over when its piece is done: cheaper than new ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free: list[Path] = []
        self._numbers = itertools.count()

    def take(self) -> Path:
        """A file that no piece uses."""
        if self._free:
            return self._free.pop()
        path = self._folder / f"piece_{next(self._numbers)}.jsonl"
        path.touch()
        return path

    def give_back(self, path: Path) -> None:
        """Says that a piece is done."""
        self._free.append(path)


class Piece:
    """Lines of one stream in a file, ready for the fast lane, and where each came from."""

    def __init__(self, stream: str, path: Path) -> None:
        self.stream = stream
        self.path = path
        self.n_bytes = 0
        self.n_lines = 0
        self._file = path.open("r+b")
        self._origins: list[tuple[Int32s, Int64s, Int64s]] = []

    def add(self, data: bytes, file_number: int, numbers: Int64s, offsets: Int64s) -> None:
        """Appends whole lines (each ends in a newline) with their numbers and byte offsets."""
        self._file.write(data)
        self._origins.append((np.full(len(numbers), file_number, np.int32), numbers, offsets))
        self.n_bytes += len(data)
        self.n_lines += len(numbers)

    def close(self) -> None:
        """Ends the file."""
        self._file.truncate()
        self._file.close()

    def origins(self) -> tuple[Int32s, Int64s, Int64s]:
        """File number, line number and byte offset of each line."""
        files, numbers, offsets = zip(*self._origins, strict=True)
        return np.concatenate(files), np.concatenate(numbers), np.concatenate(offsets)

    def lines(self, rows: Iterable[int]) -> list[Line]:
        """The lines at these positions (from 0), for the strict parser."""
        data = self.path.read_bytes()
        ends = newline_positions(data)
        files, numbers, offsets = self.origins()
        return [
            Line(
                int(files[row]),
                int(numbers[row]),
                int(offsets[row]),
                data[int(ends[row - 1]) + 1 if row else 0 : int(ends[row])],
                self.stream,
            )
            for row in rows
        ]


def newline_positions(data: bytes) -> Int64s:
    """Where the newlines are."""
    array = np.frombuffer(data, dtype=np.uint8)
    found = [
        np.flatnonzero(array[start : start + _BLOCK] == 10) + start
        for start in range(0, len(array), _BLOCK)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def suspicious_positions(data: bytes) -> Int64s:
    """Where the bytes could be a trailing comma, NaN or Infinity, or an escaped NUL.

    May name harmless places (they cost a slower look), never misses one.
    """
    array = np.frombuffer(data, dtype=np.uint8)
    found: list[Int64s] = []
    for start in range(0, len(array), _BLOCK):
        # Two bytes of overlap, so that no pattern hides at a border.
        base = max(start - 1, 0)
        block = array[base : start + _BLOCK + 2]
        folded = block | np.uint8(0x20)
        closings, words = _closings(block, folded) + base, _words(block, folded) + base
        found.append(closings[[_is_after_comma(data, at) for at in closings.tolist()]])
        found.append(words[[_is_no_number(data, at) for at in words.tolist()]])
    if b"\\" in data and b"\\u0000" in data:  # the first test is much the faster
        found.append(np.array([m.start() for m in re.finditer(rb"\\u0000", data)], dtype=np.int64))
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _closings(block: Bytes, folded: Bytes) -> Int64s:
    """Where a closing bracket follows a comma or white space."""
    closings: Int64s = np.flatnonzero(folded == 0x7D)  # ] and }
    before = block[closings - 1]
    chosen: Int64s = closings[(before == 0x2C) | (before <= 0x20)]
    return chosen


def _is_after_comma(data: bytes, at: int) -> bool:
    """Whether a comma stands before a closing bracket, over white space; unsure is yes."""
    return _token_before(data, at) in b","


def _words(block: Bytes, folded: Bytes) -> Int64s:
    """Where nan or inf, in any case, stands after something that may come before a value."""
    # n+a+n and i+n+f are the same sum modulo 256: one comparison finds both.
    sums = folded[:-2] + folded[1:-1]
    sums += folded[2:]
    words: Int64s = np.flatnonzero(sums == 61)
    first, third = folded[words], folded[words + 2]
    words = words[((first == 0x6E) & (third == 0x6E)) | ((first == 0x69) & (third == 0x66))]
    before = block[np.maximum(words - 1, 0)]
    chosen: Int64s = words[_BEFORE_VALUE[before]]
    return chosen


def _is_no_number(data: bytes, at: int) -> bool:
    """Whether a word is NaN or Infinity with a sign of being a value on one side; not in a text."""
    match = _NO_NUMBER.match(data, at)
    if not match:
        return False
    after = data[match.end() : match.end() + _LOOK].lstrip(_BLANK)[:1]
    return after in b",}]\n" or _token_before(data, at) in b":,[-"


def _token_before(data: bytes, at: int) -> bytes:
    """The last byte before white space before a position; empty if it is too far to look."""
    return data[max(at - _LOOK, 0) : at].rstrip(_BLANK)[-1:]


def _all_begin_alike(data: bytes, starts: Int64s, n_bytes: int) -> bool:
    """Whether all lines begin with the same bytes, so many."""
    if n_bytes < 8 or int(starts[-1]) + n_bytes > len(data):
        return False
    eights = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))  # from each byte on
    places = [*range(0, n_bytes - 8, 8), n_bytes - 8]
    return all(bool((eights[starts + place] == eights[place]).all()) for place in places)


def _without(data: bytes, starts: Int64s, ends: Int64s) -> bytes:
    """The data without these ranges, which are in order and do not overlap."""
    begins = [0, *ends.tolist()]
    stops = [*starts.tolist(), len(data)]
    return b"".join([data[a:b] for a, b in zip(begins, stops, strict=True) if a < b])


class Scanner:
    """Packs lines into pieces by stream; what needs the strict parser goes to `slow`."""

    def __init__(
        self, events: dict[str, str], files: PieceFiles, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._events = events
        self._files = files
        self._piece_bytes = piece_bytes
        self._open: dict[str, Piece] = {}
        self.slow: list[Line] = []
        self.slow_bytes = 0

    def scan(self, item: InputFile, blocks: Iterator[bytes], counts: Counts) -> Iterator[Piece]:
        """Counts and packs all lines of a file; yields pieces that are full."""
        rest = b""
        offset = 0
        long_line: _LongLine | None = None
        is_first = True
        for given in blocks:
            block = given
            if is_first:
                is_first = False
                if block.startswith(b"\xef\xbb\xbf"):
                    block, offset = block[3:], 3
            if long_line:
                end = block.find(b"\n")
                long_line.extend(block if end < 0 else block[:end])
                if end < 0:
                    continue
                offset = self._close_long(item, long_line, counts)
                long_line, block = None, block[end + 1 :]
            cut = block.rfind(b"\n") + 1
            if not cut:
                rest += block
                if len(rest) > LINE_BYTES:
                    long_line, rest = _LongLine(rest, offset), b""
                continue
            data = b"".join((rest, memoryview(block)[:cut]))
            rest = block[cut:]
            self._add(item, data, offset, counts)
            offset += len(data)
            yield from self.full_pieces()
        if long_line:
            self._close_long(item, long_line, counts)
        elif rest:
            self._add(item, rest + b"\n", offset, counts)
        yield from self.full_pieces()

    def full_pieces(self, is_end: bool = False) -> Iterator[Piece]:
        """Takes out the pieces that are large enough; at the end, all."""
        total = sum(piece.n_bytes for piece in self._open.values())
        for stream in list(self._open):
            piece = self._open[stream]
            if is_end or piece.n_bytes >= self._piece_bytes or total > 2 * self._piece_bytes:
                total -= piece.n_bytes
                piece.close()
                yield self._open.pop(stream)

    def take_slow(self) -> list[Line]:
        """Takes out the lines that wait for the strict parser."""
        lines, self.slow, self.slow_bytes = self.slow, [], 0
        return lines

    def add_slow(self, line: Line) -> None:
        """Sets a line aside for the strict parser."""
        self.slow.append(line)
        self.slow_bytes += len(line.raw) + 200

    def _close_long(self, item: InputFile, line: _LongLine, counts: Counts) -> int:
        """Counts a line that is too long; returns the offset after it."""
        counts.n_lines += 1
        self.add_slow(
            Line(item.number, counts.n_lines, line.offset, line.head, None, Reason.LINE_TOO_LONG)
        )
        return line.offset + line.n_bytes + 1

    def _add(self, item: InputFile, data: bytes, offset: int, counts: Counts) -> None:
        """Packs whole lines that begin at a byte offset of the file."""
        ends = newline_positions(data)
        starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1] + 1))
        numbers = np.arange(counts.n_lines + 1, counts.n_lines + 1 + len(ends), dtype=np.int64)
        counts.n_lines += len(ends)
        array = np.frombuffer(data, dtype=np.uint8)
        is_aside = array[starts] != 0x7B  # {
        is_aside |= ends - starts > LINE_BYTES
        is_aside[np.searchsorted(ends, suspicious_positions(data))] = True
        is_empty = starts == ends
        counts.n_blank += int(np.count_nonzero(is_empty))
        if is_aside.any():
            for row in np.flatnonzero(is_aside & ~is_empty).tolist():
                start, end = int(starts[row]), int(ends[row])
                raw = data[start:end]
                if not raw.strip(_BLANK):
                    counts.n_blank += 1
                    continue
                number = int(numbers[row])
                reason, detail = counts.verdicts.pop(number, (None, None))
                if len(raw) > LINE_BYTES:
                    raw, reason, detail = raw[:KEPT_BYTES], Reason.LINE_TOO_LONG, None
                place = (item.number, number, offset + start)
                self.add_slow(Line(*place, raw, item.stream, reason, detail))
        self._pack(item, data, offset, starts, ends, numbers, is_aside)

    def _pack(
        self,
        item: InputFile,
        data: bytes,
        offset: int,
        starts: Int64s,
        ends: Int64s,
        numbers: Int64s,
        is_aside: npt.NDArray[np.bool_],
    ) -> None:
        """Puts the lines that were not set aside into the pieces of their streams."""
        streams = self._streams_of(data, starts, item.stream)
        if streams is None:
            if item.stream:
                kept = data
                if is_aside.any():
                    kept = _without(data, starts[is_aside], ends[is_aside] + 1)
                    numbers, starts = numbers[~is_aside], starts[~is_aside]
                if len(numbers):
                    self._piece(item.stream).add(kept, item.number, numbers, starts + offset)
                return
            streams = [None] * len(starts)
        rows: dict[str, list[int]] = {}
        for row in np.flatnonzero(~is_aside).tolist():
            stream = streams[row]
            if stream is None:
                raw = data[int(starts[row]) : int(ends[row])]
                self.add_slow(
                    Line(
                        item.number, int(numbers[row]), offset + int(starts[row]), raw, item.stream
                    )
                )
            else:
                rows.setdefault(stream, []).append(row)
        first, last = starts.tolist(), ends.tolist()
        for stream, chosen in rows.items():
            index = np.array(chosen, dtype=np.int64)
            part = b"".join([data[first[row] : last[row] + 1] for row in chosen])
            self._piece(stream).add(part, item.number, numbers[index], starts[index] + offset)

    def _piece(self, stream: str) -> Piece:
        if stream not in self._open:
            self._open[stream] = Piece(stream, self._files.take())
        return self._open[stream]

    def _streams_of(self, data: bytes, starts: Int64s, hint: str | None) -> list[str | None] | None:
        """The stream of each line by its event's name; None when no line has one of its own.

        A guess by bytes: the lanes check it. An unknown name is left to the strict parser.
        """
        if hint and b'"event"' not in data[: 1 << 16]:
            return None
        first = _EVENT.search(data)
        if not first:
            return None
        stream = self._events.get(first[1].decode("utf-8", "replace"))
        if stream == hint and (
            _all_begin_alike(data, starts, first.end())
            or data.count(first[0]) == data.count(b'"event"')
        ):
            return None  # the usual file: all events are of the stream that it is named after
        matches = list(_EVENT.finditer(data))
        rows = np.searchsorted(starts, [match.start() for match in matches], side="right") - 1
        streams: list[str | None] = [hint] * len(starts)
        for row, match in zip(reversed(rows.tolist()), reversed(matches), strict=True):
            streams[row] = self._events.get(match[1].decode("utf-8", "replace"))
        return streams


class _LongLine:
    """A line beyond the cap: only its head is kept."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.head = data[:KEPT_BYTES]
        self.offset = offset
        self.n_bytes = len(data)

    def extend(self, data: bytes) -> None:
        self.n_bytes += len(data)
