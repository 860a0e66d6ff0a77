-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'response_id',
    'query_id',
    'feedback_type',
    'feedback_score',
    'survey_id',
    'text_length',
] %}

with

feedback as (
    select * from {{ ref('stg_events__feedback') }}
),

{{ llm_analytics.latest_versions('feedback', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.stream_versions() }}
    from latest_versions
)

select * from final
