-- One row per query, sent or implied by a call: of several contents sent under one id, the one that
-- stands.
{{ config(materialized='view') }}

{% set columns = llm_analytics.stream_columns('queries') %}

with

implied_queries as (
    select * from {{ ref('int_implied_queries') }}
),

{{ llm_analytics.standing_versions('queries', columns) }},

sent_and_implied as (
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        false as is_withdrawn,
        load_seq
    from standing_versions
    union all
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        is_withdrawn,
        load_seq
    from implied_queries
),

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        has_conflict,
        is_withdrawn,
        load_seq
    from sent_and_implied
)

select * from final
