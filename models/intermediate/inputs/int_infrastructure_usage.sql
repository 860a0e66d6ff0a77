-- One row per stretch of time of a resource that costs money: of several contents sent under one
-- id, the one that stands.
{% set columns = [
    'event_id', 'occurred_at', 'resource', 'started_at', 'cost_usd', 'utilisation',
] %}

with

{{ llm_analytics.standing_events('infrastructure_usage', columns) }},

final as (
    select * from standing_events
)

select * from final
