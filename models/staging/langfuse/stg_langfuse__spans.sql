-- One row per landed observation: where it stands in its trace.
{{ config(enabled=llm_analytics.is_source_enabled('langfuse')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'langfuse_observations'), llm_analytics.source_columns(
        ['trace_id', 'parent_observation_id']
    )) }}
),

final as (
    select
        'langfuse' as source,
        trace_id,
        event_id as span_id,
        parent_observation_id as parent_span_id,
        load_seq
    from landed
)

select * from final
