-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='view') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'experiment_id',
    'variant',
    'unit_id',
    'allocation_phase',
] %}

with

{{ llm_analytics.standing_versions('exposures', columns) }},

final as (
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        load_seq
    from standing_versions
)

select * from final
