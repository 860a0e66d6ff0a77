"""Compare tables row for row, and say little but enough when they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from support.project import DbtProject, Row

Record = Mapping[str, Any]


def says_when_made(column: str) -> bool:
    """Does a column say when and by which code a row was written, not what is in it?

    A wrong model writes another fingerprint, and must be noticed by what else it writes.
    """
    return column in ("changed_seq", "definitions_fingerprint") or column.endswith("_seen_to")


def assert_same_rows(
    name: str,
    built: Sequence[Record],
    expected: Sequence[Record],
    key: Sequence[str],
    leave_out: Iterable[str] = (),
) -> None:
    """Rows by key are equal in every column that was expected; shows the first that differ."""
    by_key = {tuple(row[column] for column in key): row for row in built}
    assert len(by_key) == len(built), f"{name}: {len(built) - len(by_key)} rows share a key"
    wanted = {tuple(row[column] for column in key): row for row in expected}
    assert len(wanted) == len(expected), f"{name}: the reference repeats a key"
    faults = [f"only dbt has {each}" for each in by_key.keys() - wanted.keys()]
    faults += [f"only the reference has {each}" for each in wanted.keys() - by_key.keys()]
    skipped = set(leave_out)
    for each in by_key.keys() & wanted.keys():
        columns = [
            column
            for column in wanted[each]
            if column not in skipped and not says_when_made(column)
        ]
        missing = [column for column in columns if column not in by_key[each]]
        assert not missing, f"{name} lacks {', '.join(missing)}"
        faults += [
            f"{'/'.join(map(str, each))}: {column} is {by_key[each][column]!r}"
            f" but should be {wanted[each][column]!r}"
            for column in columns
            if by_key[each][column] != wanted[each][column]
        ]
    faults.sort(key=lambda fault: (len(fault), fault))
    assert not faults, "\n".join([f"{name}: {len(faults)} differences, such as", *faults[:12]])


def differing_rows(
    name: str, columns: Sequence[str], one: Iterable[Sequence[Any]], other: Iterable[Sequence[Any]]
) -> str | None:
    """`EXCEPT ALL` both ways over rows; None if equal, else a text with the first differences."""
    left, right = Counter(map(tuple, one)), Counter(map(tuple, other))
    if left == right:
        return None
    only_left, only_right = left - right, right - left
    lines = [
        f"{name}: {only_left.total()} rows only in the first,"
        f" {only_right.total()} only in the second"
    ]
    for row in sorted(only_left, key=repr)[:3]:
        # The row on the other side that has most values in common, if any is left.
        twin = max(
            only_right,
            key=lambda each: sum(a == b for a, b in zip(row, each, strict=True)),
            default=None,
        )
        shown = {
            column: (value,) if twin is None else (value, twin[index])
            for index, (column, value) in enumerate(zip(columns, row, strict=True))
            if twin is None or value != twin[index] or index == 0 or column == "event_id"
        }
        lines.append(f"  {shown}")
    if not only_left:
        lines += [
            f"  only second: {dict(zip(columns, row, strict=True))}"
            for row in sorted(only_right, key=repr)[:3]
        ]
    return "\n".join(lines)


#: Columns and rows by table.
Snapshot = Mapping[str, tuple[list[str], list[Row]]]


def snapshot(project: DbtProject) -> Snapshot:
    """Columns and rows of every mart and of every intermediate table, without versions of rows.

    Without the account of what was done with personal data, which is about loads and not about what
    they brought.
    """
    columns: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in project.query(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_name not in ('privacy_audit', 'int_privacy_acts')"
        " and (table_schema = 'marts'"
        r" or table_schema = 'intermediate' and table_name like 'int\_%' escape '\')"
        " order by table_schema, table_name, ordinal_position"
    ):
        if not says_when_made(column):
            columns.setdefault((schema, table), []).append(column)
    statements = []
    for (schema, table), names in columns.items():
        statements.append(f"select {', '.join(names)} from {schema}.{table}{standing(names)}")
    rows = project.query_all(statements)
    return {
        table: (names, found)
        for ((_, table), names), found in zip(columns.items(), rows, strict=True)
    }


def rounded(tables: Snapshot, types: type | tuple[type, ...] = float) -> Snapshot:
    """Numbers of these types to 12 digits: not every engine has the last ones alike."""
    return {
        name: (columns, [tuple(_digits(value, types) for value in row) for row in rows])
        for name, (columns, rows) in tables.items()
    }


def _digits(value: Any, types: type | tuple[type, ...]) -> Any:
    if isinstance(value, types) and not isinstance(value, bool):
        return Decimal(f"{Decimal(value):.12g}")
    return value


def standing(columns: Sequence[str]) -> str:
    """A condition for rows of zone A: some only say what a match was before, or a call implied."""
    if "is_withdrawn" in columns:
        return " where not is_withdrawn"
    return " where is_current" if "is_current" in columns else ""


def differing_tables(one: Snapshot, other: Snapshot) -> list[str]:
    """What differs between two snapshots, table by table."""
    if one.keys() != other.keys():
        return [f"only one of both has {', '.join(sorted(one.keys() ^ other.keys()))}"]
    faults = [
        differing_rows(table, columns, rows, other[table][1])
        for table, (columns, rows) in one.items()
    ]
    return [fault for fault in faults if fault]
