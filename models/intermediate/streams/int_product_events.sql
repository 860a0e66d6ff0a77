-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'name',
    'is_user_action',
    'goal',
    'feature',
    'amount',
    'currency',
] %}

with

product_events as (
    select * from {{ ref('stg_events__product_events') }}
),

{{ llm_analytics.latest_versions('product_events', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.stream_versions() }}
    from latest_versions
)

select * from final
