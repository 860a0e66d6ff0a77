-- One row per activity event of a user, with the session it falls in. Midnight cuts no session.
-- A new, moved or removed event touches only its island: the sessions within one gap of it.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='session_id') }}

{% set activity_columns = [
    'stream', 'event_id', 'sent_user_id', 'user_id', 'occurred_at', 'sequence_number', 'stream_rank',
] %}

with

queries as (
    select * from {{ ref('int_queries') }}
),

feedback as (
    select * from {{ ref('int_feedback') }}
),

product_events as (
    select * from {{ ref('int_product_events') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

activity as (
    select
        'query' as stream,
        event_id,
        case when is_withdrawn is not true then coalesce(user_id, anonymous_id) end as sent_user_id,
        occurred_at,
        sequence_number,
        1 as stream_rank,
        {% if is_incremental() -%}
        {{ llm_analytics.is_unseen(ref('int_queries'), 'queries_seen_to') }} as is_unseen
        {%- else -%}
        true as is_unseen
        {%- endif %}
    from queries
    union all
    select
        'feedback' as stream,
        event_id,
        coalesce(user_id, anonymous_id) as sent_user_id,
        occurred_at,
        sequence_number,
        3 as stream_rank,
        {% if is_incremental() -%}
        {{ llm_analytics.is_unseen(ref('int_feedback'), 'feedback_seen_to') }} as is_unseen
        {%- else -%}
        true as is_unseen
        {%- endif %}
    from feedback
    union all
    select
        'product_event' as stream,
        event_id,
        case when is_user_action then coalesce(user_id, anonymous_id) end as sent_user_id,
        occurred_at,
        sequence_number,
        4 as stream_rank,
        {% if is_incremental() -%}
        {{ llm_analytics.is_unseen(ref('int_product_events'), 'product_events_seen_to') }}
            as is_unseen
        {%- else -%}
        true as is_unseen
        {%- endif %}
    from product_events
),

unseen as (
    select
        activity.stream,
        activity.event_id,
        activity.sent_user_id,
        coalesce(identities.user_id, activity.sent_user_id) as user_id,
        activity.occurred_at,
        activity.sequence_number,
        activity.stream_rank
    from activity
    left join identities
        on activity.sent_user_id = identities.alias_id
    where activity.is_unseen
),

{% if is_incremental() %}
existing as (
    select * from {{ this }}
),

-- Events sent under an alias that belongs to somebody else than when they were last written.
reidentified as (
    select
        existing.stream,
        existing.event_id,
        existing.sent_user_id,
        coalesce(identities.user_id, existing.sent_user_id) as user_id,
        existing.occurred_at,
        existing.sequence_number,
        existing.stream_rank
    from existing
    left join identities
        on existing.sent_user_id = identities.alias_id
    where existing.user_id <> coalesce(identities.user_id, existing.sent_user_id)
),

touched_events as (
    select
        {{ activity_columns | join(',\n        ') }}
    from unseen
    union all
    select
        reidentified.{{ activity_columns | join(',\n        reidentified.') }}
    from reidentified
    left join unseen
        on
            reidentified.stream = unseen.stream
            and reidentified.event_id = unseen.event_id
    where unseen.event_id is null
),

sessions_of_touched_users as (
    select
        session_id,
        user_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from existing
    where user_id in (select touched_events.user_id from touched_events)
    group by session_id, user_id
),

touched_sessions as (
    select existing.session_id
    from existing
    inner join touched_events
        on
            existing.stream = touched_events.stream
            and existing.event_id = touched_events.event_id
    union
    select sessions_of_touched_users.session_id
    from sessions_of_touched_users
    inner join touched_events
        on
            sessions_of_touched_users.user_id = touched_events.user_id
            and {{ llm_analytics.microseconds_between(
                'touched_events.occurred_at', 'sessions_of_touched_users.started_at'
            ) }}
            <= {{ llm_analytics.session_gap_microseconds() }}
            and {{ llm_analytics.microseconds_between(
                'sessions_of_touched_users.ended_at', 'touched_events.occurred_at'
            ) }}
            <= {{ llm_analytics.session_gap_microseconds() }}
),

island_events as (
    select
        existing.{{ activity_columns | join(',\n        existing.') }}
    from existing
    inner join touched_sessions
        on existing.session_id = touched_sessions.session_id
    left join touched_events
        on
            existing.stream = touched_events.stream
            and existing.event_id = touched_events.event_id
    where touched_events.event_id is null
    union all
    select
        {{ activity_columns | join(',\n        ') }}
    from touched_events
    where user_id is not null
),
{% else %}
island_events as (
    select
        {{ activity_columns | join(',\n        ') }}
    from unseen
    where user_id is not null
),
{% endif %}

{% set order = llm_analytics.event_order(stream_rank='stream_rank') %}

paused as (
    select
        {{ activity_columns | join(',\n        ') }},
        lag(occurred_at) over (
            partition by user_id
            order by {{ order }}
        ) as previous_at
    from island_events
),

numbered as (
    select
        {{ activity_columns | join(',\n        ') }},
        sum(
            case
                when {{ llm_analytics.is_new_session('previous_at', 'occurred_at') }} then 1
                else 0
            end
        ) over (
            partition by user_id
            order by {{ order }}
            rows unbounded preceding
        ) as session_number
    from paused
),

opened as (
    select
        {{ activity_columns | join(',\n        ') }},
        first_value(stream || ':' || event_id) over (
            partition by user_id, session_number
            order by {{ order }}
            rows unbounded preceding
        ) as opened_by
    from numbered
),

final as (
    select
        {{ activity_columns | join(',\n        ') }},
        {{ llm_analytics.surrogate_key(['user_id', 'opened_by']) }} as session_id,
        false as is_removal,
        {{ llm_analytics.newest_change(ref('int_queries')) }} as queries_seen_to,
        {{ llm_analytics.newest_change(ref('int_feedback')) }} as feedback_seen_to,
        {{ llm_analytics.newest_change(ref('int_product_events')) }} as product_events_seen_to,
        {{ llm_analytics.next_change() }} as changed_seq
    from opened
    {% if is_incremental() %}
    union all
    select
        null as stream,
        null as event_id,
        null as sent_user_id,
        null as user_id,
        null as occurred_at,
        null as sequence_number,
        null as stream_rank,
        session_id,
        true as is_removal,
        null as queries_seen_to,
        null as feedback_seen_to,
        null as product_events_seen_to,
        null as changed_seq
    from touched_sessions
    {% endif %}
)

select * from final
