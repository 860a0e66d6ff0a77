-- One row per landed $feature_flag_called or experiment_exposure event of PostHog.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_exposures'),
        llm_analytics.posthog_columns(llm_analytics.tracked_types('exposures'))
    ) }}
),

final as (
    select
        {{ llm_analytics.posthog_envelope() }},
        {{ llm_analytics.tracked_columns('exposures', 'posthog') }},
        load_seq
    from landed
)

select * from final
