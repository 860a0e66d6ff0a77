{#
    Streams are views over what was loaded: the loader lands a content once, so that only ids sent
    again with another content need more than a filter (int_repeated_events names them).
#}

{#
    The order of several contents sent under one id, the one that stands first: the sender's version
    decides, then a hash of the content, never the order of arrival.
#}
{% macro precedence(content_key, event_version='event_version') -%}
    coalesce({{ event_version }}, 0) desc, {{ llm_analytics.text_order(content_key) }} desc
{%- endmacro %}

{#
    CTEs that end in `standing_events`: one row per event id of a small stream that is read as a whole
    on each run.
#}
{% macro standing_events(stream, columns) -%}
horizon as (
    select * from {{ ref('int_load_horizon') }}
),

versions as (
    select
        {{ columns | join(',\n        ') }},
        row_number() over (
            partition by event_id
            order by {{ llm_analytics.precedence(llm_analytics.surrogate_key(columns)) }}
        ) as content_rank
    from {{ ref('int_' ~ stream ~ '__unioned') }}
    where load_seq <= (select horizon.load_seq from horizon)
),

standing_events as (
    select
        {{ columns | join(',\n        ') }}
    from versions
    where content_rank = 1
)
{%- endmacro %}

{#
    CTEs that end in `standing_versions`: one row per event id of a stream. Its load_seq is that of
    the newest record of the id, so that an id sent again counts as unread whichever content stands.
#}
{% macro standing_versions(stream, columns, read_to=none) %}
    {%- set read_to = read_to or llm_analytics.loads_read_to() -%}
    {%- set column_list = columns | join(',\n        ') -%}
single_records as (
    select
        {{ column_list }},
        load_seq
    from {{ ref('int_' ~ stream ~ '__unioned') }}
    where
        load_seq <= {{ read_to }}
        and event_id not in {{ llm_analytics.repeated_ids(stream) }}
),

repeated_records as (
    select
        {{ column_list }},
        load_seq,
        {{ llm_analytics.surrogate_key(columns) }} as content_key
    from {{ ref('int_' ~ stream ~ '__unioned') }}
    where
        load_seq <= {{ read_to }}
        and event_id in {{ llm_analytics.repeated_ids(stream) }}
),

ranked_records as (
    select
        {{ column_list }},
        max(load_seq) over (partition by event_id) as load_seq,
        min(content_key) over (partition by event_id)
        <> max(content_key) over (partition by event_id) as has_conflict,
        row_number() over (
            partition by event_id
            order by {{ llm_analytics.precedence('content_key') }}
        ) as content_rank
    from repeated_records
),

standing_versions as (
    select
        {{ column_list }},
        false as has_conflict,
        load_seq
    from single_records
    union all
    select
        {{ column_list }},
        has_conflict,
        load_seq
    from ranked_records
    where content_rank = 1
)
{%- endmacro %}

{# Ids of a stream that several records carry. Not a CTE: DuckDB would read all columns beside it. #}
{% macro repeated_ids(stream) -%}
    (
            select repeated_events.event_id
            from {{ ref('int_repeated_events') }} as repeated_events
            where repeated_events.stream = '{{ stream }}'
        )
{%- endmacro %}

{# Up to which load it is known which ids repeat. #}
{% macro loads_recorded_to() -%}
    (select max(loads_seen_to) from {{ ref('int_repeated_events') }})
{%- endmacro %}

{# Up to which load the streams are read: as far as it is decided which records count. #}
{% macro loads_read_to() -%}
    (select max(loads_seen_to) from {{ ref('int_duplicate_calls') }})
{%- endmacro %}

{#
    Did this model not read that load yet? Where the warehouse holds fewer loads than were read, it
    was restored, and nothing counts as read.
#}
{% macro is_unread(load_seq, read_to=none) -%}
    {{ load_seq }} > (
        select
            case
                when max(loads_seen_to) <= {{ read_to or llm_analytics.loads_read_to() }}
                    then max(loads_seen_to)
                else -1
            end
        from {{ this }}
    )
{%- endmacro %}
