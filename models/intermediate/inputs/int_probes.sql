-- One row per heartbeat of the service: of several contents sent under one id, the one that stands.
{% set columns = ['event_id', 'occurred_at', 'service', 'is_up', 'latency_ms'] %}

with

{{ llm_analytics.standing_events('probes', columns) }},

final as (
    select * from standing_events
)

select * from final
