-- One row per landed span of PostHog that is no call of a model: where it stands in its trace.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'posthog_ai_spans'), {
        'ai_trace_id': dbt.type_string(),
        'ai_span_id': dbt.type_string(),
        'ai_parent_id': dbt.type_string(),
        'load_seq': dbt.type_bigint(),
    }) }}
),

final as (
    select
        'posthog' as source,
        ai_trace_id as trace_id,
        ai_span_id as span_id,
        nullif(ai_parent_id, ai_trace_id) as parent_span_id,
        load_seq
    from landed
)

select * from final
