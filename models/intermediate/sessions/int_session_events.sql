-- One row per activity event of a user, with the session it falls in. Midnight cuts no session.
-- A new, moved or removed event touches only its island: the sessions within one gap of it.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='session_id') }}
{{ llm_analytics.refuse_changed_definitions() }}
{% set consent_decisions = {
    'feedback': ['feedback', llm_analytics.consent_decisions('feedback')],
    'product_event': ['product_events', llm_analytics.consent_decisions('product_events')],
} %}

{% set activity_columns = [
    'stream', 'event_id', 'sent_user_id', 'user_id', 'occurred_at',
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
        {% if is_incremental() -%}
        {{ llm_analytics.is_unread('load_seq') }} as is_unread
        {%- else -%}
        true as is_unread
        {%- endif %}
    from queries
    union all
    select
        'feedback' as stream,
        event_id,
        coalesce(user_id, anonymous_id) as sent_user_id,
        occurred_at,
        {% if is_incremental() -%}
        {{ llm_analytics.is_unread('load_seq') }} as is_unread
        {%- else -%}
        true as is_unread
        {%- endif %}
    from feedback
    union all
    select
        'product_event' as stream,
        event_id,
        case when is_user_action then coalesce(user_id, anonymous_id) end as sent_user_id,
        occurred_at,
        {% if is_incremental() -%}
        {{ llm_analytics.is_unread('load_seq') }} as is_unread
        {%- else -%}
        true as is_unread
        {%- endif %}
    from product_events
    {%- if is_incremental() %}
    {%- for kind, decided in consent_decisions.items() if decided[1] is not none %}
    union all
    -- What is withheld belongs to nobody, and leaves the session that it was in.
    select
        '{{ kind }}' as stream,
        event_id,
        cast(null as {{ dbt.type_string() }}) as sent_user_id,
        occurred_at,
        {{ llm_analytics.is_unread('load_seq') }} as is_unread
    from {{ decided[1] }}
    where
        stream = '{{ decided[0] }}'
        and is_withheld
    {%- endfor %}
    {%- endif %}
),

unread as (
    select
        activity.stream,
        activity.event_id,
        activity.sent_user_id,
        coalesce(identities.user_id, activity.sent_user_id) as user_id,
        activity.occurred_at
    from activity
    left join identities
        on activity.sent_user_id = identities.alias_id
    where activity.is_unread
),

{% if is_incremental() %}
-- Events sent under an alias that belongs to somebody else than when they were last written.
reidentified as (
    select
        kept.stream,
        kept.event_id,
        kept.sent_user_id,
        coalesce(identities.user_id, kept.sent_user_id) as user_id,
        kept.occurred_at
    from {{ this }} as kept
    left join identities
        on kept.sent_user_id = identities.alias_id
    where kept.user_id <> coalesce(identities.user_id, kept.sent_user_id)
),

touched_events as {{ llm_analytics.planned_once() }} (
    select
        {{ activity_columns | join(',\n        ') }}
    from unread
    union all
    select
        reidentified.{{ activity_columns | join(',\n        reidentified.') }}
    from reidentified
    left join unread
        on
            reidentified.stream = unread.stream
            and reidentified.event_id = unread.event_id
    where unread.event_id is null
),

sessions_of_touched_users as (
    select
        session_id,
        user_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from {{ this }}
    where user_id in (select touched_events.user_id from touched_events)
    group by session_id, user_id
),

touched_sessions as {{ llm_analytics.planned_once() }} (
    select kept.session_id
    from {{ this }} as kept
    inner join touched_events
        on
            kept.stream = touched_events.stream
            and kept.event_id = touched_events.event_id
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
        kept.{{ activity_columns | join(',\n        kept.') }}
    from {{ this }} as kept
    inner join touched_sessions
        on kept.session_id = touched_sessions.session_id
    left join touched_events
        on
            kept.stream = touched_events.stream
            and kept.event_id = touched_events.event_id
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
    from unread
    where user_id is not null
),
{% endif %}

-- Events of a user within a stretch as long as the gap share a session, so that pauses need be
-- sought between stretches only.
stretched as (
    select
        {{ activity_columns | join(',\n        ') }},
        {{ llm_analytics.whole_quotient(
            llm_analytics.epoch_microseconds('occurred_at'),
            llm_analytics.session_gap_microseconds(),
        ) }} as stretch
    from island_events
),

stretches as (
    select
        user_id,
        stretch,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from stretched
    group by user_id, stretch
),

paused as (
    select
        user_id,
        stretch,
        first_at,
        lag(last_at) over (
            partition by user_id
            order by stretch
        ) as previous_at
    from stretches
),

started as (
    select
        user_id,
        stretch,
        max(
            case
                when {{ llm_analytics.is_new_session('previous_at', 'first_at') }} then first_at
            end
        ) over (
            partition by user_id
            order by stretch
            rows unbounded preceding
        ) as started_at
    from paused
),

-- No two sessions of a user start at the same moment.
named as (
    select
        user_id,
        stretch,
        {{ llm_analytics.surrogate_key(
            ['user_id', llm_analytics.epoch_microseconds('started_at')]
        ) }} as session_id
    from started
),

final as (
    select
        stretched.{{ activity_columns | join(',\n        stretched.') }},
        named.session_id,
        false as is_removal,
        {{ llm_analytics.loads_read_to() }} as loads_seen_to,
        cast({{ llm_analytics.definitions_fingerprint() }} as {{ dbt.type_bigint() }})
            as definitions_fingerprint,
        {{ llm_analytics.next_change() }} as changed_seq
    from stretched
    inner join named
        on
            stretched.user_id = named.user_id
            and stretched.stretch = named.stretch
    {% if is_incremental() %}
    union all
    select
        null as stream,
        null as event_id,
        null as sent_user_id,
        null as user_id,
        null as occurred_at,
        session_id,
        true as is_removal,
        null as loads_seen_to,
        null as definitions_fingerprint,
        null as changed_seq
    from touched_sessions
    {% endif %}
)

select * from final
