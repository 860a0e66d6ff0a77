-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='view') }}

{% set columns = llm_analytics.stream_columns('responses') %}

with

{{ llm_analytics.standing_versions('responses', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        has_conflict,
        load_seq
    from standing_versions
)

select * from final
