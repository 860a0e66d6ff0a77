-- One row per landed llm_query_sent event of GA4.
{{ config(enabled=llm_analytics.is_source_enabled('ga4')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'ga4_queries'),
        llm_analytics.ga4_columns(llm_analytics.tracked_types('queries'))
    ) }}
),

final as (
    select
        {{ llm_analytics.ga4_envelope() }},
        {{ llm_analytics.tracked_columns('queries', 'ga4') }},
        load_seq
    from landed
)

select * from final
