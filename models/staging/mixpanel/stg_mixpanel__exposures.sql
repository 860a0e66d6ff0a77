-- One row per landed experiment_exposure event or $experiment_started of Mixpanel.
{{ config(enabled=llm_analytics.is_source_enabled('mixpanel')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'mixpanel_exposures'),
        llm_analytics.mixpanel_columns(llm_analytics.tracked_types('exposures'))
    ) }}
),

final as (
    select
        {{ llm_analytics.mixpanel_envelope() }},
        {{ llm_analytics.tracked_columns('exposures', 'mixpanel') }},
        load_seq
    from landed
)

select * from final
