-- One row per landed response_feedback event of Mixpanel.
{{ config(enabled=llm_analytics.is_source_enabled('mixpanel')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'mixpanel_feedback'),
        llm_analytics.mixpanel_columns(llm_analytics.tracked_types('feedback'))
    ) }}
),

final as (
    select
        {{ llm_analytics.mixpanel_envelope() }},
        {{ llm_analytics.tracked_columns('feedback', 'mixpanel') }},
        load_seq
    from landed
)

select * from final
