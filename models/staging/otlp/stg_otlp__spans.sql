-- One row per landed span: where it stands in its trace.
{{ config(enabled=llm_analytics.is_source_enabled('otlp')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'otlp_spans'), llm_analytics.source_columns(
        ['trace_id', 'span_id', 'parent_span_id']
    )) }}
),

final as (
    select
        'otlp' as source,
        trace_id,
        span_id,
        parent_span_id,
        load_seq
    from landed
)

select * from final
