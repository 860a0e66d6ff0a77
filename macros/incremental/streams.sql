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
{% macro standing_events(stream, columns, read_to=none) -%}
{%- if not read_to -%}
horizon as (
    select * from {{ ref('int_load_horizon') }}
),

{% endif -%}
versions as (
    select
        {{ columns | join(',\n        ') }},
        row_number() over (
            partition by event_id
            order by {{ llm_analytics.precedence(llm_analytics.surrogate_key(columns)) }}
        ) as content_rank
    from {{ ref('int_' ~ stream ~ '__unioned') }}
    where load_seq <= {{ read_to or '(select horizon.load_seq from horizon)' }}
),

standing_events as (
    select
        {{ columns | join(',\n        ') }}
    from versions
    where content_rank = 1
)
{%- endmacro %}

{#
    CTEs that end in `standing_aliases`: one row per alias that events were sent under, with its user.
    An alias claimed by two users belongs to neither.
#}
{% macro standing_aliases(read_to) -%}
identity_versions as (
    select
        alias_id,
        user_id,
        row_number() over (
            partition by event_id
            order by {{ llm_analytics.precedence(
                llm_analytics.surrogate_key(llm_analytics.envelope_columns() + ['alias_id'])
            ) }}
        ) as content_rank
    from {{ ref('int_identities__unioned') }}
    where load_seq <= {{ read_to }}
),

claims as (
    select
        alias_id,
        user_id
    from identity_versions
    where
        content_rank = 1
        and alias_id <> user_id
    group by alias_id, user_id
),

standing_aliases as (
    select
        alias_id,
        case when count(*) = 1 then min(user_id) end as user_id,
        count(*) as n_users
    from claims
    group by alias_id
)
{%- endmacro %}

{#
    CTEs that end in `standing_versions`: one row per event id of a stream. Its load_seq is that of
    the newest record of the id, so that an id sent again counts as unread whichever content stands.
    Where consent is asked for, what is withheld is left out, or listed as is_withheld, and what
    decides on an event counts as a record of it.
#}
{% macro standing_versions(stream, columns, read_to=none, lists_withheld=false) %}
    {%- set read_to = read_to or llm_analytics.loads_read_to() -%}
    {%- set decisions = llm_analytics.consent_decisions(stream) -%}
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

{{ 'standing_versions' if decisions is none else 'standing_records' }} as (
    select
        {{ column_list }},
        false as has_conflict,
        {% if lists_withheld and decisions is none -%}
        false as is_withheld,
        {% endif -%}
        load_seq
    from single_records
    union all
    select
        {{ column_list }},
        has_conflict,
        {% if lists_withheld and decisions is none -%}
        false as is_withheld,
        {% endif -%}
        load_seq
    from ranked_records
    where content_rank = 1
)
{%- if decisions is not none -%}
,

standing_versions as (
    select
        standing_records.{{ columns | join(',\n        standing_records.') }},
        standing_records.has_conflict,
        {% if lists_withheld -%}
        coalesce(decisions.is_withheld, false) as is_withheld,
        {% endif -%}
        greatest(standing_records.load_seq, coalesce(decisions.load_seq, 0)) as load_seq
    from standing_records
    left join {{ decisions }} as decisions
        on
            standing_records.event_id = decisions.event_id
            and decisions.stream = '{{ stream }}'
    {%- if not lists_withheld %}
    where decisions.is_withheld is not true
    {%- endif %}
)
{%- endif -%}
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

{# Up to which load it is known which events may count: what is read may not go further. #}
{% macro loads_consented_to() -%}
    {%- do llm_analytics.consent_decisions('responses') -%}
    {%- if llm_analytics.decided_streams() -%}
    (select max(loads_seen_to) from {{ ref('int_withheld_events') }})
    {%- else -%}
    {{ llm_analytics.loads_recorded_to() }}
    {%- endif -%}
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
