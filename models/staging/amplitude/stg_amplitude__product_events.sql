-- One row per landed event of Amplitude that is none of the other streams'.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

{% set own_columns = {
    'revenue': 'decimal(18, 6)',
    'revenue_currency': dbt.type_string(),
} %}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'amplitude_product_events'),
        llm_analytics.amplitude_columns(dict(llm_analytics.tracked_types('product_events'), **own_columns))
    ) }}
),

final as (
    select
        {{ llm_analytics.amplitude_envelope() }},
        name,
        coalesce(
            is_user_action, {{ llm_analytics.is_captured_action('amplitude', 'name') }}
        ) as is_user_action,
        goal,
        feature,
        coalesce(amount, cast(revenue as decimal(24, 12))) as amount,
        coalesce(currency, revenue_currency) as currency,
        load_seq
    from landed
)

select * from final
