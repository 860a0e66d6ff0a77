-- One row per landed event of GA4 that is none of the other streams'.
{{ config(enabled=llm_analytics.is_source_enabled('ga4')) }}

{% set own_columns = {'value': 'decimal(18, 6)'} %}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'ga4_product_events'),
        llm_analytics.ga4_columns(dict(llm_analytics.tracked_types('product_events'), **own_columns))
    ) }}
),

final as (
    select
        {{ llm_analytics.ga4_envelope() }},
        name,
        coalesce(
            is_user_action, {{ llm_analytics.is_captured_action('ga4', 'name') }}
        ) as is_user_action,
        goal,
        feature,
        coalesce(
            amount,
            cast(case when name = 'refund' then -value else value end as decimal(24, 12))
        ) as amount,
        currency,
        load_seq
    from landed
)

select * from final
