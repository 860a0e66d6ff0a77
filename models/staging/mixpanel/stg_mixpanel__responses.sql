-- One row per landed llm_response_generated event of Mixpanel.
{{ config(enabled=llm_analytics.is_source_enabled('mixpanel')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'mixpanel_responses'),
        llm_analytics.mixpanel_columns(llm_analytics.tracked_types('responses'))
    ) }}
),

final as (
    select
        {{ llm_analytics.mixpanel_envelope() }},
        {{ llm_analytics.tracked_columns('responses', 'mixpanel') }},
        load_seq
    from landed
)

select * from final
