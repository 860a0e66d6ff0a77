-- One row per event of the stream: of several contents sent under one id, the one that stands.
{{ config(materialized='view') }}

{% set columns = llm_analytics.stream_columns('feedback') %}

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
