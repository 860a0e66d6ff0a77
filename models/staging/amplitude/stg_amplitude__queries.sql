-- One row per landed llm_query_sent event of Amplitude.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'amplitude_queries'),
        llm_analytics.amplitude_columns(llm_analytics.tracked_types('queries'))
    ) }}
),

final as (
    select
        {{ llm_analytics.amplitude_envelope() }},
        {{ llm_analytics.tracked_columns('queries', 'amplitude') }},
        load_seq
    from landed
)

select * from final
