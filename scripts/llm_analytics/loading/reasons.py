"""The closed list of reasons for which a line is quarantined; docs/loading.md explains each."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a line could not be accepted. The value is what raw.quarantine.reason holds."""

    LINE_TOO_LONG = "line_too_long"
    INVALID_UTF8 = "invalid_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_OBJECT = "not_object"
    WRONG_CELL_COUNT = "wrong_cell_count"
    WRONG_STRUCTURE = "wrong_structure"
    NO_STREAM = "no_stream"
    UNKNOWN_EVENT = "unknown_event"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    NOT_IN_ENUM = "not_in_enum"
    INVALID_CHARACTER = "invalid_character"
    INVALID_TIMESTAMP = "invalid_timestamp"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
