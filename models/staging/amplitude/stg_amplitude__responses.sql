-- One row per landed llm_response_generated event of Amplitude.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'amplitude_responses'),
        llm_analytics.amplitude_columns(llm_analytics.tracked_types('responses'))
    ) }}
),

final as (
    select
        {{ llm_analytics.amplitude_envelope() }},
        {{ llm_analytics.tracked_columns('responses', 'amplitude') }},
        load_seq
    from landed
)

select * from final
