-- One row per landed response_feedback event of Amplitude.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'amplitude_feedback'),
        llm_analytics.amplitude_columns(llm_analytics.tracked_types('feedback'))
    ) }}
),

final as (
    select
        {{ llm_analytics.amplitude_envelope() }},
        {{ llm_analytics.tracked_columns('feedback', 'amplitude') }},
        load_seq
    from landed
)

select * from final
