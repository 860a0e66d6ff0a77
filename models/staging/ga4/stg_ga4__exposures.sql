-- One row per landed experiment_exposure event of GA4.
{{ config(enabled=llm_analytics.is_source_enabled('ga4')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'ga4_exposures'),
        llm_analytics.ga4_columns(llm_analytics.tracked_types('exposures'))
    ) }}
),

final as (
    select
        {{ llm_analytics.ga4_envelope() }},
        {{ llm_analytics.tracked_columns('exposures', 'ga4') }},
        load_seq
    from landed
)

select * from final
