"""What to load: finds the files, and reads each one's bytes whole, checked and capped."""

from __future__ import annotations

import glob
import hashlib
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.tracking_plan import Stream

LINE_FORMATS = (".jsonl", ".ndjson")
FORMATS = (*LINE_FORMATS, ".json", ".csv", ".parquet", ".pq")
COMPRESSIONS = (".gz", ".zst")
READ_BYTES = 1 << 20
# A compressed file may grow to this size, or to this many times its own size, whichever is more.
BOMB_BYTES = 256 << 20
BOMB_RATIO = 200
# In a folder: hidden files, and what the simulator writes beside its events.
_LEFT_OUT = (".", "truth.json")


@dataclass(frozen=True)
class InputFile:
    """A file to load: its number in the load, its name as shown, and what its name says of it."""

    number: int
    path: Path | None
    name: str
    format: str
    stream: str | None


def _format_of(name: str) -> str | None:
    """The format that a file's name ends in, without compression; None if it is none of ours."""
    lowered = name.lower()
    for suffix in COMPRESSIONS:
        lowered = lowered.removesuffix(suffix)
    return next((ending for ending in FORMATS if lowered.endswith(ending)), None)


def _stream_of(name: str, plan: dict[str, Stream]) -> str | None:
    """The stream that a file is named after, as queries is by queries-2025-01.csv.gz."""
    base = Path(name).name.lower()
    for stream in sorted(plan, key=len, reverse=True):
        if re.match(re.escape(stream) + r"(?![a-z0-9_])", base):
            return stream
    return None


def _expand(argument: str) -> list[Path]:
    """The files that an argument names: itself, a folder's files, or a pattern's matches."""
    path = Path(argument)
    if path.is_dir():
        found = sorted(
            p
            for p in path.rglob("*")
            if p.is_file() and _format_of(p.name) and not p.name.startswith(_LEFT_OUT)
        )
        if not found:
            raise LlmAnalyticsError(
                f"no file to load in the folder {argument} (looked for {', '.join(FORMATS)})"
            )
        return found
    if path.exists():  # first: a file may be named like a pattern
        return [path]
    if glob.has_magic(argument):
        matches = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]
        if matches:
            return [p for match in matches for p in _expand(str(match))]
    raise LlmAnalyticsError(f"no such file: {argument}")


def find_inputs(
    arguments: Iterable[str], plan: dict[str, Stream], default_stream: str | None
) -> list[InputFile]:
    """The files to load, numbered from 1, each once. Raises LlmAnalyticsError if one is missing."""
    inputs: list[InputFile] = []
    seen: set[Path] = set()
    for argument in arguments:
        if argument == "-":
            inputs.append(InputFile(len(inputs) + 1, None, "-", "", default_stream))
            continue
        for path in _expand(argument):
            resolved = path.resolve()
            if resolved in seen:
                continue
            seen.add(resolved)
            stream = _stream_of(path.name, plan) or default_stream
            inputs.append(
                InputFile(len(inputs) + 1, path, str(path), _format_of(path.name) or "", stream)
            )
    return inputs


class _Decompressor(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        return


class _Gzip:
    """All members of a gzip file, each with its checksum and length verified by zlib."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._member = zlib.decompressobj(wbits=31)
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")  # padding between members
                if not data:
                    return
                self._member = zlib.decompressobj(wbits=31)
            self._has_begun = True
            try:
                yield self._member.decompress(data, READ_BYTES * 4)
            except zlib.error as error:
                raise LlmAnalyticsError(f"{self._name} is corrupt: {error}") from error
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> None:
        if self._has_begun and not self._member.eof:
            raise LlmAnalyticsError(f"{self._name} is truncated: its gzip stream has no end")


class _Zstandard:
    """All frames of a zstd file, each with its checksum where it has one."""

    def __init__(self, name: str) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise LlmAnalyticsError(f"{name}: .zst needs the package zstandard") from error
        self._name = name
        self._context = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self._frame = self._context.decompressobj()
        self._error = zstandard.ZstdError
        self._is_open = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), 4096):  # small steps bound what a bomb can yield at once
            part = data[start : start + 4096]
            while part:
                if self._frame.eof:
                    self._frame = self._context.decompressobj()
                try:
                    yield self._frame.decompress(part)
                except self._error as error:
                    raise LlmAnalyticsError(f"{self._name} is corrupt: {error}") from error
                self._is_open = not self._frame.eof
                part = self._frame.unused_data if self._frame.eof else b""

    def finish(self) -> None:
        if self._is_open:
            raise LlmAnalyticsError(f"{self._name} is truncated: its zstd frame has no end")


def _decompressor(name: str, head: bytes) -> _Decompressor:
    """By what the bytes say, not the name."""
    if head.startswith(b"\x1f\x8b"):
        return _Gzip(name)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _Zstandard(name)
    return _Plain()


class Content:
    """The decompressed bytes of one input, read once; afterwards its size and SHA-256 as stored."""

    def __init__(self, item: InputFile) -> None:
        self._item = item
        self._sha256 = hashlib.sha256()
        self.n_bytes = 0

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes read so far, as stored (compressed)."""
        return self._sha256.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """The content in blocks of a few MiB. Raises LlmAnalyticsError if it is damaged."""
        name = self._item.name
        try:
            with self._open() as stream:
                yield from self._decompressed(stream)
        except IsADirectoryError as error:
            raise LlmAnalyticsError(f"{name} is a folder") from error
        except OSError as error:
            raise LlmAnalyticsError(f"cannot read {name}: {error.strerror or error}") from error

    def _open(self) -> BinaryIO:
        if self._item.path is None:
            return open(sys.stdin.fileno(), "rb", closefd=False)
        return open(self._item.path, "rb")

    def _decompressed(self, stream: BinaryIO) -> Iterator[bytes]:
        decompressor: _Decompressor | None = None
        produced = 0
        while data := stream.read(READ_BYTES):
            self.n_bytes += len(data)
            self._sha256.update(data)
            decompressor = decompressor or _decompressor(self._item.name, data)
            for block in decompressor.feed(data):
                produced += len(block)
                is_bomb = produced > max(BOMB_BYTES, BOMB_RATIO * self.n_bytes)
                if is_bomb and not isinstance(decompressor, _Plain):
                    raise LlmAnalyticsError(
                        f"{self._item.name} grows more than {BOMB_RATIO} times when decompressed:"
                        " refused as a decompression bomb"
                    )
                if block:
                    yield block
        if decompressor:
            decompressor.finish()
