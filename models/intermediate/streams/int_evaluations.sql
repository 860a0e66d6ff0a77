-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'response_id',
    'criterion',
    'rubric',
    'rubric_version',
    'evaluator_id',
    'evaluator_kind',
    'score',
    'label',
] %}

with

evaluations as (
    select * from {{ ref('stg_events__evaluations') }}
),

{{ llm_analytics.latest_versions('evaluations', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.stream_versions() }}
    from latest_versions
)

select * from final
