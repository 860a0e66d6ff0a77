-- One row per landed experiment_exposure event or [Experiment] Exposure of Amplitude.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'amplitude_exposures'),
        llm_analytics.amplitude_columns(llm_analytics.tracked_types('exposures'))
    ) }}
),

final as (
    select
        {{ llm_analytics.amplitude_envelope() }},
        {{ llm_analytics.tracked_columns('exposures', 'amplitude') }},
        load_seq
    from landed
)

select * from final
