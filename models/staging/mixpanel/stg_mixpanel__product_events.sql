-- One row per landed event of Mixpanel that is none of the other streams'.
{{ config(enabled=llm_analytics.is_source_enabled('mixpanel')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'mixpanel_product_events'),
        llm_analytics.mixpanel_columns(llm_analytics.tracked_types('product_events'))
    ) }}
),

final as (
    select
        {{ llm_analytics.mixpanel_envelope() }},
        name,
        coalesce(
            is_user_action, {{ llm_analytics.is_captured_action('mixpanel', 'name') }}
        ) as is_user_action,
        goal,
        feature,
        amount,
        currency,
        load_seq
    from landed
)

select * from final
