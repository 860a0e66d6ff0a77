"""How native records of a source become flat ones: a small made-up source, in every layout."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.loading.load import LoadOptions, LoadReport, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.loading.reasons import Reason
from llm_analytics.sources.base import Context, Malformed, Record, Source
from llm_analytics.warehouse import Warehouse
from load_helpers import rows

STRING = {"type": "string", "maxLength": 100}
SCHEMA = {
    "x-stream": "notes",
    "x-event": "diary.notes",
    "required": ["event", "timestamp"],
    "properties": {
        "event": {"const": "diary.notes"},
        "timestamp": {"x-timestamp": True},
        "event_id": {**STRING, "minLength": 1},
        "writer": {**STRING, "x-identifier": True},
        "digest": STRING,
        "size": {"type": "integer"},
        "is_open": {"type": "boolean"},
        "input_text": {**STRING, "x-text": True, "x-signature": True},
        "input_length": {"type": "integer"},
        "output_text": {**STRING, "x-text": True},
        "output_length": {"type": "integer"},
    },
}


class Diary:
    """Unpacks {"day": …, "notes": [{"id": …, …}]}; a note that is no object is malformed."""

    def recognises(self, native: Mapping[str, Any]) -> bool:
        """Whether it has notes."""
        return "notes" in native

    def unpack(self, native: dict[str, Any], context: Context) -> Iterator[Record | Malformed]:
        """One record a note."""
        if "day" not in native:
            raise Malformed(Reason.MISSING_FIELD, "day")
        for note in native["notes"]:
            if not isinstance(note, dict):
                yield Malformed(Reason.WRONG_STRUCTURE, "notes", note)
                continue
            fields = {**note, "event_id": note.get("id"), "timestamp": native["day"]}
            yield Record("notes", {**fields, "digest": context.keyed_hash("a"), "secret": "x"})


@pytest.fixture
def diary(tmp_path: Path) -> Source:
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "notes.json").write_text(json.dumps(SCHEMA))
    return Source("diary", Diary(), folder)


def day(*notes: Any, **fields: Any) -> dict[str, Any]:
    return {"day": "2025-01-01T00:00:00Z", "notes": list(notes), **fields}


def load_diary(
    source: Source, warehouse: Path, path: Path, text: str = "drop", key: bytes | None = None
) -> LoadReport:
    options = LoadOptions(Policy(TextPolicy(text), key))
    return load(source, [str(path)], Warehouse(str(warehouse)), options)


def ids(warehouse: Path) -> list[str]:
    return [row[0] for row in rows(warehouse, "select event_id from raw.diary_notes order by 1")]


FIRST, SECOND = day({"id": "a"}, {"id": "b"}), day({"id": "c"})
LAYOUTS = {
    "lines.jsonl": f"{json.dumps(FIRST)}\n{json.dumps(SECOND)}\n".encode(),
    "no_last_newline.jsonl": f"{json.dumps(FIRST)}\n\n{json.dumps(SECOND)}".encode(),
    "array.json": json.dumps([FIRST, SECOND], indent=2).encode(),
    "document.json": json.dumps(day({"id": "a"}, {"id": "b"}, {"id": "c"}), indent=1).encode(),
    "marked.json": b"\xef\xbb\xbf"
    + json.dumps(day(*"", {"id": "a"}, {"id": "b"}, {"id": "c"})).encode(),
    "packed.jsonl.gz": gzip.compress(f"{json.dumps(FIRST)}\n{json.dumps(SECOND)}\n".encode()),
    "table.csv": b'day,notes\n2025-01-01T00:00:00Z,"[{""id"":""a""},{""id"":""b""}]"\n'
    b'2025-01-01T00:00:00Z,"[{""id"":""c""}]"\n',
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_records(
    name: str, diary: Source, warehouse: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(LAYOUTS[name])
    report = load_diary(diary, warehouse, path)
    assert ids(warehouse) == ["a", "b", "c"]
    assert report.n_quarantined == 0
    again = load_diary(diary, warehouse, path)
    assert [(file.n_accepted, file.n_duplicates) for file in again.files] == [(0, 3)]


def test_what_is_malformed_is_set_aside_and_the_rest_loads(
    diary: Source, warehouse: Path, tmp_path: Path
) -> None:
    lines = [
        json.dumps(day({"id": "a"}, 7, {"id": "b", "size": "12"}, {"id": "c"})),
        json.dumps({"notes": []}),  # no day
        json.dumps(day()),  # nothing in it: blank
        json.dumps({"day": "2025-01-01T00:00:00Z", "notes": 3}),  # not built as expected
        "{not json",
        '"event":"diary.notes"',
        "[1, 2]",
        "",
        json.dumps(day({"id": "d", "input_text": "a\0b"})),
    ]
    path = tmp_path / "diary.jsonl"
    path.write_text("\n".join(lines) + "\n")
    report = load_diary(diary, warehouse, path, text="keep")
    assert ids(warehouse) == ["a", "c"]
    (file,) = report.files
    assert (file.n_lines, file.n_blank, file.n_accepted, file.n_quarantined) == (12, 2, 2, 8)
    found = rows(
        warehouse,
        "select line_number, reason, detail, trim(raw_text) from raw.quarantine order by 1",
    )
    assert [row[:3] for row in found] == [
        (2, "wrong_structure", "notes"),
        (3, "wrong_type", "size"),
        (5, "missing_field", "day"),
        (7, "wrong_structure", None),
        (8, "not_json", None),
        (9, "not_json", None),
        (10, "not_object", None),
        (12, "invalid_character", "input_text"),
    ]
    assert found[0][3] == "7"
    assert found[4][3] == "{not json"


def test_texts_leave_their_lengths_and_ids_their_hashes(
    diary: Source, warehouse: Path, tmp_path: Path
) -> None:
    path = tmp_path / "diary.jsonl"
    note = {
        "id": "a", "writer": "ann", "input_text": "mail ann@example.com now", "output_text": "ok",
        "output_length": 9,
    }  # fmt: skip
    path.write_text(json.dumps(day(note)))
    columns = (
        "writer, digest, text_length, input_length, output_length, text_word_count,"
        " text_signature_1 is not null, input_text, output_text"
    )
    found = {}
    for text, key in (("drop", None), ("redact", None), ("keep", b"key")):
        place = warehouse.with_name(f"{text}.duckdb")
        load_diary(diary, place, path, text, key)
        (found[text],) = rows(place, f"select {columns} from raw.diary_notes")
    plain = Policy().fingerprint(b"a")[:32]
    assert found["drop"] == ("ann", plain, 24, 24, 9, 5, True, None, None)
    assert found["redact"] == ("ann", plain, 24, 24, 9, 5, True, "mail [email] now", "ok")
    keyed = Policy(id_key=b"key")
    assert found["keep"] == (
        keyed.pseudonym("ann"), keyed.fingerprint(b"a")[:32], 24, 24, 9, 5, True,
        "mail ann@example.com now", "ok",
    )  # fmt: skip


def test_cells_of_csv_are_read_as_the_kinds_that_their_fields_have(
    diary: Source, warehouse: Path, tmp_path: Path
) -> None:
    path = tmp_path / "diary.csv"
    note = '[{""id"":""1"",""size"":""12"",""is_open"":""True"",""writer"":""42""}]'
    path.write_text(f'day,notes\n2025-01-01T00:00:00Z,"{note}"\n2025-01-01\n')
    report = load_diary(diary, warehouse, path)
    assert rows(warehouse, "select event_id, size, is_open, writer from raw.diary_notes") == [
        ("1", 12, True, "42")
    ]
    assert report.reasons == {"wrong_cell_count": 1}


def test_a_stream_cannot_be_given_to_records_that_say_their_own(
    diary: Source, warehouse: Path, tmp_path: Path
) -> None:
    path = tmp_path / "diary.jsonl"
    path.write_text(json.dumps(FIRST))
    options = LoadOptions(stream="notes")
    with pytest.raises(LlmAnalyticsError, match="--stream is for events"):
        load(diary, [str(path)], Warehouse(str(warehouse)), options)
