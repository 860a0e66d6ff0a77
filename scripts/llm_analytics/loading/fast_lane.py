"""The tracking plan compiled to SQL: one vectorised pass that accepts what is certainly good.

DuckDB's JSON reader is lenient, so each check is one-sided: a line that passes is valid under the
strict rules; a line that fails may still be valid and goes to the strict parser in slow_lane.py.
What the reader alone cannot tell (trailing commas, NaN, control bytes) is diverted before, in
scan.py. A key that occurs twice counts once, by its first value, in both lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.tracking_plan import Field, Stream

EARLIEST = datetime(2010, 1, 1)
_ISO = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    "([.][0-9]{1,6})?(Z|[+]00:00)?"
)
_EPOCH_MS = "1?[0-9]{12}"
JSON_NUMBER = "-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?"
_ORIGIN_TYPES = {"file_number": "integer", "line_number": "bigint"}
# Longer than any line and any piece: half of what the reader takes at once.
READER_BYTES = 17_000_000


def quote_text(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Shape:
    """What the lines of a stream were seen to look like; it only steers speed, never the result.

    present: fields that occur; a line with another field of the plan is checked again.
    quoted: fields where the reader must leave the quotes on, to tell a string from a number:
    strings that could be numbers, and timestamps that are numbers.
    lacks_ids: some lines have no event id of their own, so that one is made from the content.
    """

    present: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    lacks_ids: bool = False

    def __or__(self, other: Shape) -> Shape:
        return Shape(
            self.present | other.present,
            self.quoted | other.quoted,
            self.lacks_ids or other.lacks_ids,
        )


@dataclass(frozen=True)
class _Compiled:
    """SQL of one field: the reader's type, the typed value, and what makes the line doubtful.

    `doubt` is NULL or false for an absent field, and never NULL for another one.
    """

    reader_type: str
    value: str
    doubt: str


def _compile_string(item: Field, raw: str, is_quoted: bool) -> _Compiled:
    """A string that was read as another type's text would look like a number, true, [ or {."""
    doubts = [f"strlen({raw}) > {item.max_length}"]
    reader_type, value = "VARCHAR", raw
    if is_quoted:
        reader_type, value = "JSON", f"""replace({raw}, '"', '')"""
        doubts = [
            f"strlen({raw}) > {item.max_length + 2}",
            f"""{raw} < '"' or {raw} >= '#'""",
            f"contains({raw}, '\\')",
        ]
    if item.values:
        allowed = ", ".join(quote_text(allowed) for allowed in item.values)
        doubts.append(f"{value} not in ({allowed})")
    elif not is_quoted:
        doubts += [
            f"({raw} >= '-' and {raw} < ':' and regexp_full_match({raw}, '{JSON_NUMBER}'))",
            f"{raw} = 'true' or {raw} = 'false'",
            f"({raw} >= '[' and {raw} < '\\') or ({raw} >= '{{' and {raw} < '|')",
        ]
    if item.min_length:
        value = f"nullif({value}, '')"
    return _Compiled(reader_type, value, " or ".join(doubts))


def _compile_timestamp(raw: str, value: str, is_quoted: bool, latest: datetime) -> _Compiled:
    out_of_bounds = (
        f"({value} is null and {raw} is not null)"
        f" or {value} < timestamp '{EARLIEST}' or {value} > timestamp '{latest}'"
    )
    if not is_quoted:
        return _Compiled(
            "VARCHAR",
            f"try_cast({raw} as timestamp)",
            f"{out_of_bounds} or not regexp_full_match({raw}, '{_ISO}')",
        )
    return _Compiled(
        "JSON",
        f"case when {raw} < '#' then try_cast(replace({raw}, '\"', '') as timestamp)"
        f" else make_timestamp(try_cast({raw} as bigint) * 1000) end",
        f"""{out_of_bounds} or not regexp_full_match({raw}, '"{_ISO}"|{_EPOCH_MS}')""",
    )


def _compile_number(item: Field, raw: str, value: str) -> _Compiled:
    doubts = [f"({value} is null and {raw} is not null)"]
    if item.kind == "integer":
        doubts.append(f"contains({raw}, '.') or ({value} = 0 and {raw} <> '0')")
    else:
        doubts.append(f"contains({raw}, 'e') or strlen({raw}) > 25")
    if item.minimum is not None:
        doubts.append(f"{value} < {item.minimum:f}")
    if item.maximum is not None:
        doubts.append(f"{value} > {item.maximum:f}")
    return _Compiled("JSON", f"try_cast({raw} as {item.landed_type})", " or ".join(doubts))


def _compile(item: Field, is_quoted: bool, latest: datetime) -> _Compiled:
    """SQL of one field of the plan. `latest` is the newest timestamp accepted."""
    raw, value = _raw(item), quote_name(item.name)
    match item.kind:
        case "string":
            return _compile_string(item, raw, is_quoted)
        case "timestamp":
            return _compile_timestamp(raw, value, is_quoted, latest)
        case "boolean":
            return _Compiled("JSON", f"({raw} = 'true')", f"{raw} not in ('true', 'false')")
        case _:
            return _compile_number(item, raw, value)


def _raw(item: Field) -> str:
    """The name under which the check finds a field as it was read."""
    return quote_name(f"{item.name} as read")


def _content_id(stream: Stream, present: list[Field], policy: Policy) -> str:
    """SQL of the id made from the content; an absent field leaves no trace: the plan can grow."""
    parts = [quote_text(policy.content_salt + stream.name)]
    for item in present:
        if item.name != "event_id":
            text = f"cast({quote_name(item.name)} as varchar)"
            parts.append(
                f"coalesce(';{item.name}=' || cast(strlen({text}) as varchar) || ':' || {text}, '')"
            )
    return f"md5({' || '.join(parts)})"


def _landed_columns(
    stream: Stream, present: list[Field], policy: Policy, lacks_ids: bool
) -> list[str]:
    """SQL of the landed columns from typed fields named as in the plan; text, if still needed."""
    names = {item.name for item in present}
    event_id = "event_id"
    if lacks_ids or "event_id" not in names:
        event_id = _content_id(stream, present, policy)
        if "event_id" in names:
            event_id = f"case when event_id is null then {event_id} else event_id end"
    texts = [item for item in stream.text_fields if item.name in names]
    stated = {stream.length_field(item): item for item in texts}
    columns = [f"{event_id} as event_id", '"timestamp" as occurred_at']
    for item in present:
        if item.name in ("event_id", "timestamp") or item.is_text:
            continue
        name = quote_name(item.name)
        if item.name in stated:
            name = f"coalesce({name}, length({quote_name(stated[item.name].name)})) as {name}"
        columns.append(name)
    for item in texts:
        source, length = quote_name(item.name), stream.length_field(item)
        if length and length not in names:
            columns.append(f"cast(length({source}) as bigint) as {quote_name(length)}")
        if item is stream.text_fields[0]:
            columns.append(f"cast(length({source}) as bigint) as text_length")
        is_landed = policy.text_of(stream.name, item.name) is not TextPolicy.DROP
        if is_landed or item is stream.signature_field:
            columns.append(source)
    return columns


def fast_query(stream: Stream, shape: Shape, policy: Policy, latest: datetime, path: str) -> str:
    """SQL that reads a staged file of JSON lines, one row a line, in order, numbered from 1 by n.

    It takes each line's origin from the relation `origin` (place, file_number, line_number), which
    has the lines in the same order.
    """
    fields = [item for item in stream.fields if item.name != "event"]
    present = [item for item in fields if item.name in shape.present or item.is_required]
    absent = [item for item in fields if item not in present]
    compiled = {item: _compile(item, item.name in shape.quoted, latest) for item in present}
    required = {item.name for item in present if item.is_required}
    if "event_id" in shape.present and not shape.lacks_ids:
        required.add("event_id")
    doubts = ["n is distinct from place", f"""event <> '"{stream.event}"'"""]
    doubts += [f"{quote_name(name)} is null" for name in sorted(required)]
    doubts += [one.doubt for one in compiled.values()]
    if absent:
        doubts.append(f"concat({', '.join(map(_raw, absent))}) <> ''")
    reader = ["'event': 'JSON'"]
    reader += [f"{quote_text(item.name)}: '{one.reader_type}'" for item, one in compiled.items()]
    reader += [f"{quote_text(item.name)}: 'JSON'" for item in absent]
    raw = ["cast(event as varchar) as event"]
    raw += [f"cast({quote_name(item.name)} as varchar) as {_raw(item)}" for item in fields]
    values = [f"{one.value} as {quote_name(item.name)}" for item, one in compiled.items()]
    return f"""
select
    n,
    case when {" or ".join(doubts)} then false else true end as is_good,
    file_number,
    line_number,
    {", ".join(_landed_columns(stream, present, policy, shape.lacks_ids))}
from (
    select *, {", ".join(values)}
    from (
        select row_number() over () as n, {", ".join(raw)}
        from read_json(
            {quote_text(path)}, format = 'newline_delimited', ignore_errors = true,
            compression = 'uncompressed', hive_partitioning = false, filename = false,
            maximum_object_size = {READER_BYTES}, columns = {{{", ".join(reader)}}}
        )
    ) as lines
) as typed
positional join origin
"""


def clean_query(stream: Stream, names: set[str], policy: Policy, path: str) -> str:
    """SQL that reads lines which slow_lane.py wrote: every value a string in its canonical form.

    The lines hold their origin too. The columns are those of `fast_query`.
    """
    present = [item for item in stream.fields if item.name in names and item.name != "event"]
    kinds = {item.name: item.landed_type for item in present} | _ORIGIN_TYPES
    reader = ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in kinds)
    values = ", ".join(
        f"cast({quote_name(name)} as {kind}) as {quote_name(name)}" for name, kind in kinds.items()
    )
    return f"""
select
    row_number() over () as n,
    true as is_good,
    file_number,
    line_number,
    {", ".join(_landed_columns(stream, present, policy, lacks_ids=True))}
from (
    select {values}
    from read_json(
        {quote_text(path)}, format = 'newline_delimited', compression = 'uncompressed',
        hive_partitioning = false, maximum_object_size = {4 * READER_BYTES}, columns = {{{reader}}}
    )
) as typed
"""
