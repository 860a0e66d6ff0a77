"""What a source is, and what its unpacker promises.

A source other than the tracking plan's own events has three parts of one name: the schemas
docs/sources/<name>/*.json, which say what lands; this package's module <name>, whose UNPACKER turns
native records into flat ones; and the views models/staging/<name>/, which map them to the
canonical streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from llm_analytics.loading.policy import Policy
from llm_analytics.loading.reasons import Reason
from llm_analytics.tracking_plan import Stream, plan_directory, read_plan

_HASH_LENGTH = 32


@dataclass(frozen=True)
class Record:
    """One flat record of a source: its stream, and fields as the stream's schema names them.

    None and absent are the same; `event` is added by the loader. What the schema does not declare
    does not land.
    """

    stream: str
    fields: dict[str, Any]


class Malformed(Exception):
    """A native record of the wrong structure: raised for a whole one, yielded for a part of one.

    What was yielded before it is kept. `native` is the part that is wrong, where it is not all.
    """

    def __init__(self, reason: Reason, detail: str | None = None, native: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.native = native


@dataclass(frozen=True)
class Context:
    """What an unpacker may know besides the record. In CSV every value is a string or absent."""

    file_name: str
    policy: Policy
    is_csv: bool = False

    def keyed_hash(self, text: str) -> str:
        """A digest of a text, 32 hex digits: HMAC-SHA256 when a key is set, else SHA-256."""
        return self.policy.fingerprint(text.encode("utf-8", "backslashreplace"))[:_HASH_LENGTH]


class Unpacker(Protocol):
    """Renames, flattens and converts the records of one source; knows no other record."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """Whether a file whose records begin with this one is certainly of this source."""

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """The flat records of a native one. Raises Malformed; a wrong value is passed on as is."""


@dataclass(frozen=True)
class Source:
    """A kind of export that `load` understands. Without an unpacker its records are flat."""

    name: str
    unpacker: Unpacker | None = None
    schemas: Path | None = None

    @cached_property
    def streams(self) -> dict[str, Stream]:
        """What its records may be, by stream."""
        if self.unpacker is None:
            return read_plan()
        return read_plan(self.schemas or schema_directory() / self.name)


def schema_directory() -> Path:
    """Where the schemas of sources are: in the installed package, else in the project."""
    plan = plan_directory()
    return plan.parent / ("source_schemas" if plan.name == "schemas" else "sources")
