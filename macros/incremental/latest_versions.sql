{#
    CTEs that end in `latest_versions`: one row per event id of the CTE `events`, from the loads
    that this model has not seen, and the version already here where an id is sent again. Which
    content of an id wins is decided by the sender's event_version, then by a hash of the content,
    never by the order of arrival. Only ids that repeat are ranked: a window over all events would
    cost twice the time.
#}
{% macro latest_versions(events, columns) %}
    {%- set column_list = columns | join(',\n        ') -%}
fresh as (
    select
        {{ column_list }}
    from {{ events }}
    where
        load_seq <= (select load_seq from {{ ref('int_load_horizon') }})
        {%- if is_incremental() %}
        and load_seq > (select coalesce(max(loads_seen_to), 0) from {{ this }})
        {%- endif %}
),

candidates as (
    select
        {{ column_list }},
        0 as had_conflict
    from fresh
    {%- if is_incremental() %}
    union all
    select
        {{ column_list }},
        case when has_conflict then 1 else 0 end as had_conflict
    from {{ this }}
    where event_id in (select event_id from fresh)
    {%- endif %}
),

repeated_ids as (
    select event_id
    from candidates
    group by event_id
    having count(*) > 1
),

repeated_contents as (
    select
        {{ column_list }},
        had_conflict,
        {{ llm_analytics.surrogate_key(columns) }} as content_key
    from candidates
    where event_id in (select event_id from repeated_ids)
),

ranked_contents as (
    select
        {{ column_list }},
        max(had_conflict) over (partition by event_id) = 1
        or min(content_key) over (partition by event_id)
        <> max(content_key) over (partition by event_id) as has_conflict,
        row_number() over (
            partition by event_id
            order by
                coalesce(event_version, 0) desc,
                {{ llm_analytics.text_order('content_key') }} desc
        ) as content_rank
    from repeated_contents
),

latest_versions as (
    select
        {{ column_list }},
        false as has_conflict
    from candidates
    where event_id not in (select event_id from repeated_ids)
    union all
    select
        {{ column_list }},
        has_conflict
    from ranked_contents
    where content_rank = 1
)
{%- endmacro %}

{# Columns that every stream table ends with: what it has seen of the loads, and its own version. #}
{% macro stream_versions() -%}
        has_conflict,
        (select load_seq from {{ ref('int_load_horizon') }}) as loads_seen_to,
        {{ llm_analytics.next_change() }} as changed_seq
{%- endmacro %}

{# Columns that every event of every stream has, in the order of the stream tables. #}
{% macro envelope_columns() %}
    {{ return([
        'source', 'event_id', 'event_version', 'occurred_at', 'sequence_number',
        'user_id', 'anonymous_id', 'account_id', 'app_id', 'environment', 'platform', 'app_version',
    ]) }}
{% endmacro %}
