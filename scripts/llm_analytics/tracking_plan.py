"""The tracking plan: what each stream's events may hold, read from its JSON Schemas.

The schemas under docs/tracking_plan are the single definition; the loader's checks, the raw tables
and the documentation all follow from them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from llm_analytics.errors import LlmAnalyticsError

FieldKind = Literal["string", "integer", "number", "boolean", "timestamp"]

_LANDED_TYPES: dict[str, str] = {
    "string": "varchar",
    "integer": "bigint",
    "number": "decimal(18, 6)",
    "boolean": "boolean",
    "timestamp": "timestamp",
}
# What is computed from the words of a text that is compared with others.
SIGNATURE_COLUMNS = ("text_word_count", "text_signature_1", "text_signature_2")
_MONEY_TYPE = "decimal(24, 12)"


@dataclass(frozen=True)
class Field:
    """One field of an event as its schema declares it; bounds are inclusive, lengths characters."""

    name: str
    kind: FieldKind
    landed_type: str
    is_required: bool = False
    is_identifier: bool = False
    is_text: bool = False
    is_signed: bool = False
    min_length: int = 0
    max_length: int = 1_000_000
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    values: tuple[str, ...] = ()

    @property
    def scale(self) -> int:
        """Decimal places that land, for a number."""
        return int(self.landed_type.rstrip(")").split(",")[1]) if self.kind == "number" else 0


@dataclass(frozen=True)
class Stream:
    """The events of one kind: the stream's name, the reserved event name, and the fields."""

    name: str
    event: str
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}

    @cached_property
    def text_fields(self) -> tuple[Field, ...]:
        """The fields that hold text under a policy; text_length is the length of the first."""
        return tuple(field for field in self.fields if field.is_text)

    @cached_property
    def signature_field(self) -> Field | None:
        """The text whose words are counted and signed, because it is compared with others."""
        return next((field for field in self.text_fields if field.is_signed), None)

    def length_field(self, text: Field) -> str | None:
        """The field that says how long a text is, if the sender may state it."""
        length = text.name.removesuffix("_text") + "_length"
        return length if length in self.by_name else None

    def landed_columns(self) -> dict[str, str]:
        """Every column of the raw table and its type, in order."""
        columns = {
            "event_id": "varchar not null",
            "occurred_at": "timestamp not null",
            "load_seq": "bigint not null",
            "file_number": "integer",
            "line_number": "bigint",
        }
        for field in self.fields:
            if field.name not in ("event", "timestamp", "event_id"):
                columns[field.name] = field.landed_type
        if self.text_fields:
            columns["text_length"] = "bigint"
        if self.signature_field:
            columns |= dict.fromkeys(SIGNATURE_COLUMNS, "bigint")
        return columns


def _landed_type(name: str, kind: str, schema: dict[str, Any]) -> str:
    """The SQL type of a field; `x-raw-type` in the schema overrides the rule."""
    if "x-raw-type" in schema:
        return str(schema["x-raw-type"])
    if kind == "number" and (name.endswith("_usd") or name == "amount"):
        return _MONEY_TYPE
    return _LANDED_TYPES[kind]


def _field(name: str, schema: dict[str, Any], required: bool) -> Field:
    """Reads one property of a schema."""
    kind: Any = "timestamp" if schema.get("x-timestamp") else schema.get("type", "string")
    if kind not in _LANDED_TYPES:
        raise LlmAnalyticsError(f"tracking plan: field {name} has the unknown type {kind!r}")
    bounds = {
        end: Decimal(str(schema[end])) if end in schema else None for end in ("minimum", "maximum")
    }
    return Field(
        name=name,
        kind=kind,
        landed_type=_landed_type(name, kind, schema),
        is_required=required,
        is_identifier=bool(schema.get("x-identifier")),
        is_text=bool(schema.get("x-text")),
        is_signed=bool(schema.get("x-signature")),
        min_length=int(schema.get("minLength", 0)),
        max_length=int(schema.get("maxLength", 1_000_000)),
        values=tuple(schema.get("enum", ())),
        **bounds,
    )


def plan_directory() -> Path:
    """Where the schemas are: in the installed package, else in the project this file belongs to."""
    here = Path(__file__).resolve().parent
    for folder in (here / "schemas", here.parent.parent / "docs" / "tracking_plan"):
        if folder.is_dir():
            return folder
    raise LlmAnalyticsError("the tracking plan (docs/tracking_plan) is not installed")


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of a schema, with those of the plan's stream that `x-extends` names."""
    if "x-extends" not in schema:
        return dict(schema["properties"])
    path = plan_directory() / f"{schema['x-extends']}.json"
    inherited = json.loads(path.read_text(encoding="utf-8"))["properties"]
    return {**inherited, **schema["properties"]}


def read_plan(folder: Path | None = None) -> dict[str, Stream]:
    """The streams by name, of the tracking plan or of another folder of schemas.

    Raises LlmAnalyticsError if a schema cannot be read.
    """
    streams = {}
    for path in sorted((folder or plan_directory()).glob("*.json")):
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
            fields = tuple(
                _field(name, value, name in schema["required"])
                for name, value in _properties(schema).items()
            )
            stream = Stream(schema["x-stream"], schema["x-event"], fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LlmAnalyticsError(f"tracking plan: cannot read {path.name}: {error}") from error
        streams[stream.name] = stream
    return streams
