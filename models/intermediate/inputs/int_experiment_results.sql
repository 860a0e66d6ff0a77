-- One row per reading of a metric of an experiment: of several contents sent under one id, the one
-- that stands.
{% set columns = ['event_id', 'occurred_at'] + llm_analytics.stream_columns('experiment_results')[
    llm_analytics.envelope_columns() | length:
] %}

with

{{ llm_analytics.standing_events('experiment_results', columns) }},

final as (
    select * from standing_events
)

select * from final
