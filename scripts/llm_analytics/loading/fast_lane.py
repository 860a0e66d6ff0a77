"""The tracking plan compiled to SQL: one vectorised pass that accepts what is certainly good.

DuckDB's JSON reader is lenient, so each check is one-sided: a line that passes is valid under the
strict rules; a line that fails may still be valid and goes to the strict parser in slow_lane.py.
What the reader alone cannot tell (trailing commas, NaN, control bytes) is diverted before, in
scan.py. A key that occurs twice counts once, by its first value, in both lanes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llm_analytics.loading.policy import Policy
from llm_analytics.tracking_plan import Field, Stream

EARLIEST = datetime(2010, 1, 1)
_ISO = (
    '"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
    '([.][0-9]{1,6})?(Z|[+]00:00)?"'
)
_EPOCH_MS = "1?[0-9]{12}"


def quote_text(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass
class Shape:
    """What the lines of a stream were seen to look like; it only steers speed, never the result.

    present: fields that occur; a line with another field of the plan is checked again.
    number_like: string fields whose values look like numbers, so that the quotes must be seen.
    lacks_ids: some lines have no event id of their own, so that one is made from the content.
    """

    present: set[str] = field(default_factory=set)
    number_like: set[str] = field(default_factory=set)
    lacks_ids: bool = False


@dataclass(frozen=True)
class _Compiled:
    """SQL of one field: the reader's type, the typed value, the check (true when surely good)."""

    reader_type: str
    value: str
    check: str


def _compile_string(item: Field, column: str, is_number_like: bool) -> _Compiled:
    if is_number_like:
        raw = f"cast({column} as varchar)"
        value = f"""replace({raw}, '"', '')"""
        good = (
            f"""({raw} >= '"' and {raw} < '#' and not contains({raw}, '\\')"""
            f" and strlen({raw}) <= {item.max_length + 2})"
        )
        good = f"({raw} is null or {good})"
        reader_type = "JSON"
    else:
        value, reader_type = column, "VARCHAR"
        good = (
            f"strlen({column}) <= {item.max_length}"
            f" and ({column} < '-' or {column} >= ':'"
            f" or not regexp_full_match({column}, '-?[0-9][-+.0-9eE]*'))"
            f" and {column} <> 'true' and {column} <> 'false'"
            f" and ({column} < '[' or {column} >= '\\')"
            f" and ({column} < '{{' or {column} >= '|')"
        )
        good = f"({column} is null or ({good}))"
    if item.min_length:
        value = f"nullif({value}, '')"
    if item.values:
        allowed = ", ".join(quote_text(allowed) for allowed in item.values)
        good = f"({good} and ({column} is null or {value} in ({allowed})))"
        if not is_number_like:
            good = f"({column} is null or {column} in ({allowed}))"
    return _Compiled(reader_type, value, good)


def _compile(item: Field, is_number_like: bool, latest: datetime) -> _Compiled:
    """SQL of one field of the plan. `latest` is the newest timestamp accepted."""
    column = quote_name(item.name)
    raw = f"cast({column} as varchar)"
    if item.kind == "string":
        return _compile_string(item, column, is_number_like)
    if item.kind == "boolean":
        return _Compiled(
            "JSON", f"({raw} = 'true')", f"({raw} is null or {raw} in ('true', 'false'))"
        )
    if item.kind == "timestamp":
        value = (
            f"case when {raw} < '#' then case when regexp_full_match({raw}, '{_ISO}')"
            f""" then try_cast(replace({raw}, '"', '') as timestamp) end"""
            f" when regexp_full_match({raw}, '{_EPOCH_MS}')"
            f" then make_timestamp(try_cast({raw} as bigint) * 1000) end"
        )
        good = f"{value} between timestamp '{EARLIEST}' and timestamp '{latest}'"
        return _Compiled("JSON", value, f"({raw} is null or {good})")
    target = "bigint" if item.kind == "integer" else item.landed_type
    value = f"try_cast({raw} as {target})"
    if item.kind == "integer":
        good = f"not contains({raw}, '.') and ({value} <> 0 or {raw} = '0')"
    else:
        good = f"not contains({raw}, 'e') and strlen({raw}) <= 25"
    if item.minimum is not None:
        good += f" and {value} >= {item.minimum:f}"
    if item.maximum is not None:
        good += f" and {value} <= {item.maximum:f}"
    return _Compiled("JSON", value, f"({raw} is null or ({good}))")


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


def _typed_select(
    stream: Stream, present: list[Field], policy: Policy, has_check: bool, lacks_ids: bool
) -> str:
    """The outer part of the query: landed columns from typed fields named as in the plan."""
    names = {item.name for item in present}
    event_id = "event_id"
    if lacks_ids or "event_id" not in names:
        event_id = _content_id(stream, present, policy)
        if "event_id" in names:
            event_id = f"case when event_id is null then {event_id} else event_id end"
    text, length = stream.text_field, stream.length_field
    columns = ["n", "is_good" if has_check else "true as is_good"]
    columns += [f"{event_id} as event_id", '"timestamp" as occurred_at']
    for item in present:
        if item.name in ("event_id", "timestamp") or item.is_text:
            continue
        name = quote_name(item.name)
        if text and text.name in names and item.name == length:
            name = f"coalesce({name}, length({quote_name(text.name)})) as {name}"
        columns.append(name)
    if text and text.name in names:
        source = quote_name(text.name)
        if length and length not in names:
            columns.append(f"cast(length({source}) as bigint) as {quote_name(length)}")
        columns.append(f"cast(length({source}) as bigint) as text_length")
        if policy.lands_text or stream.has_signature:
            columns.append(source)
    return ",\n    ".join(columns)


def fast_query(stream: Stream, shape: Shape, policy: Policy, latest: datetime, path: str) -> str:
    """SQL that reads a staged file of JSON lines, one row a line, in order, numbered from 1."""
    fields = [item for item in stream.fields if item.name != "event"]
    present = [item for item in fields if item.name in shape.present or item.is_required]
    compiled = {
        item.name: _compile(item, item.name in shape.number_like, latest) for item in present
    }
    checks = [f"""(event is null or cast(event as varchar) = '"{stream.event}"')"""]
    checks += [one.check for one in compiled.values()]
    checks += [
        f"{one.value} is not null" for one in (compiled[i.name] for i in present if i.is_required)
    ]
    if "event_id" in compiled and not shape.lacks_ids:
        checks.append(f"{compiled['event_id'].value} is not null")
    checks += [f"{quote_name(item.name)} is null" for item in fields if item not in present]
    reader = ["'event': 'JSON'"]
    for item in fields:
        reader_type = compiled[item.name].reader_type if item in present else "JSON"
        reader.append(f"{quote_text(item.name)}: '{reader_type}'")
    values = ",\n        ".join(
        f"{compiled[item.name].value} as {quote_name(item.name)}" for item in present
    )
    good = "\n            and ".join(checks)
    return f"""
select
    {_typed_select(stream, present, policy, True, shape.lacks_ids)}
from (
    select
        n,
        {values},
        coalesce({good}, false) as is_good
    from (
        select row_number() over () as n, *
        from read_json(
            {quote_text(path)}, format = 'newline_delimited', ignore_errors = true,
            compression = 'uncompressed', hive_partitioning = false, filename = false,
            maximum_object_size = 17000000, columns = {{{", ".join(reader)}}}
        )
    ) as lines
) as typed
"""


def clean_query(stream: Stream, names: set[str], policy: Policy, path: str) -> str:
    """SQL that reads lines which slow_lane.py wrote: every value a string in its canonical form."""
    present = [item for item in stream.fields if item.name in names and item.name != "event"]
    reader = ", ".join(f"{quote_text(item.name)}: 'VARCHAR'" for item in present)
    values = ",\n        ".join(
        f"cast({quote_name(item.name)} as {item.landed_type}) as {quote_name(item.name)}"
        for item in present
    )
    return f"""
select
    {_typed_select(stream, present, policy, False, True)}
from (
    select
        row_number() over () as n,
        {values}
    from read_json(
        {quote_text(path)}, format = 'newline_delimited', compression = 'uncompressed',
        hive_partitioning = false, maximum_object_size = 70000000, columns = {{{reader}}}
    )
) as typed
"""
