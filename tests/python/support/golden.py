"""What golden files of a source are held against: rows of its views, and what is quarantined."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from support.project import ROOT, DbtProject

#: What depends on the key of the hash, and on the number of loads before.
UNCOMPARED = ("text_signature_1", "text_signature_2", "load_seq")


def canonical_streams() -> list[str]:
    """The canonical streams: those of the tracking plan."""
    return [path.stem for path in sorted((ROOT / "docs/tracking_plan").glob("*.json"))]


def staged_streams(source: str, root: Path = ROOT) -> list[str]:
    """The canonical streams that a source has a view for."""
    folder = root / "models/staging" / source
    names = {path.stem.removeprefix(f"stg_{source}__") for path in folder.glob("*.sql")}
    return [stream for stream in canonical_streams() if stream in names]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A canonical row as the expected files write it: without NULLs, times and decimals as text."""
    return {
        name: value.isoformat(sep=" ")
        if isinstance(value, datetime)
        else format(value.normalize(), "f")
        if isinstance(value, Decimal)
        else value
        for name, value in row.items()
        if value is not None and not name.endswith(UNCOMPARED)
    }


def like(expected: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """An expected row with its times and decimals written as those of the row are."""
    written = dict(expected)
    for name, value in expected.items():
        if isinstance(row.get(name), datetime):
            moment = datetime.fromisoformat(value.replace("Z", ""))
            written[name] = moment.isoformat(sep=" ")
        elif isinstance(row.get(name), Decimal):
            written[name] = format(Decimal(str(value)).normalize(), "f")
    return written


def check_rows(golden: Path, project: DbtProject) -> None:
    """The views of a source have exactly the rows that its expected files tell."""
    for stream in staged_streams(golden.name, project.root):
        rows = project.records(f"select * from staging.stg_{golden.name}__{stream}")
        found = {row["event_id"]: row for row in rows}
        assert len(found) == len(rows), f"{stream}: an id twice"
        file = golden / "expected" / f"{stream}.json"
        expected = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        wanted = {row["event_id"]: like(row, found.get(row["event_id"], {})) for row in expected}
        assert len(wanted) == len(expected), f"{stream}: an id twice in {file.name}"
        assert {key: plain(row) for key, row in found.items()} == wanted, stream


def check_quarantine(golden: Path, project: DbtProject) -> None:
    """What was refused of a source has exactly the reasons and details that are expected."""
    file = golden / "expected" / "quarantine.json"
    expected = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    found = project.query(
        "select q.reason, q.detail from raw.quarantine as q inner join raw.loads as l"
        f" on l.load_seq = q.load_seq where l.source = '{golden.name}'"
    )
    assert sorted(map(str, map(list, found))) == sorted(map(str, expected))


def check_columns(golden: Path, project: DbtProject) -> None:
    """The views of a source have the columns and types of the canonical streams."""
    for stream in staged_streams(golden.name, project.root):
        shapes = [
            project.query(
                "select column_name, data_type from information_schema.columns"
                f" where table_name = '{view}' order by ordinal_position"
            )
            for view in (f"stg_{golden.name}__{stream}", f"stg_events__{stream}")
        ]
        assert shapes[0] == shapes[1], stream
