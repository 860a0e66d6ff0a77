-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'conversation_turn',
    'query_length',
    'query_kind',
    'is_clarification',
    'is_implied',
    'feature',
    'text_length',
    'text_word_count',
    'text_signature_1',
    'text_signature_2',
] %}

with

queries as (
    select * from {{ ref('stg_events__queries') }}
),

implied_queries as (
    select * from {{ ref('stg_events__implied_queries') }}
),

events as (
    select
        {{ columns | join(',\n        ') }},
        load_seq
    from queries
    union all
    select
        {{ columns | join(',\n        ') }},
        load_seq
    from implied_queries
),

{{ llm_analytics.latest_versions('events', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        {{ llm_analytics.stream_versions() }}
    from latest_versions
)

select * from final
