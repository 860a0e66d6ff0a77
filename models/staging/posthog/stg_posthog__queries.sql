-- One row per landed trace, which is a request of the product, or llm_query_sent event of PostHog.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

traces as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_ai_traces'),
        llm_analytics.posthog_columns({
            'ai_span_name': dbt.type_string(),
            'feature': dbt.type_string(),
            'started_at': dbt.type_timestamp(),
            'input_length': dbt.type_bigint(),
            'text_length': dbt.type_bigint(),
            'text_word_count': dbt.type_bigint(),
            'text_signature_1': dbt.type_bigint(),
            'text_signature_2': dbt.type_bigint(),
        })
    ) }}
),

tracked_events as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_queries'),
        llm_analytics.posthog_columns(llm_analytics.tracked_types('queries'))
    ) }}
),

requested as (
    select
        {{ llm_analytics.posthog_envelope('ai_trace_id', 'coalesce(started_at, occurred_at)') }},
        cast(null as {{ dbt.type_bigint() }}) as conversation_turn,
        coalesce(text_length, input_length) as query_length,
        'new' as query_kind,
        false as is_clarification,
        false as is_implied,
        feature,
        text_length,
        text_word_count,
        text_signature_1,
        text_signature_2,
        load_seq
    from traces
),

tracked as (
    select
        {{ llm_analytics.posthog_envelope() }},
        {{ llm_analytics.tracked_columns('queries', 'posthog') }},
        load_seq
    from tracked_events
),

final as (
    select * from requested
    union all
    select * from tracked
)

select * from final
