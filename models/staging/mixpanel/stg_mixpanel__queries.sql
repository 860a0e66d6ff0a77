-- One row per landed llm_query_sent event of Mixpanel.
{{ config(enabled=llm_analytics.is_source_enabled('mixpanel')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'mixpanel_queries'),
        llm_analytics.mixpanel_columns(llm_analytics.tracked_types('queries'))
    ) }}
),

final as (
    select
        {{ llm_analytics.mixpanel_envelope() }},
        {{ llm_analytics.tracked_columns('queries', 'mixpanel') }},
        load_seq
    from landed
)

select * from final
