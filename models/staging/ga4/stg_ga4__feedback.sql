-- One row per landed response_feedback event of GA4.
{{ config(enabled=llm_analytics.is_source_enabled('ga4')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'ga4_feedback'),
        llm_analytics.ga4_columns(llm_analytics.tracked_types('feedback'))
    ) }}
),

final as (
    select
        {{ llm_analytics.ga4_envelope() }},
        {{ llm_analytics.tracked_columns('feedback', 'ga4') }},
        load_seq
    from landed
)

select * from final
