-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='view') }}

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

{{ llm_analytics.standing_versions('feedback', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        load_seq
    from standing_versions
)

select * from final
