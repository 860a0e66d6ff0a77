-- One row per user and reporting date with a payment or a refund, in US dollars.
with

product_events as (
    select * from {{ ref('fct_product_events') }}
),

rates as (
    select * from {{ llm_analytics.seed('currency_rates') }}
),

-- An amount without a currency is in US dollars.
converted as (
    select
        product_events.user_id,
        product_events.event_date as activity_date,
        product_events.amount,
        product_events.amount * rates.usd_per_unit as amount_usd
    from product_events
    left join rates
        on
            upper(coalesce(product_events.currency, 'USD')) = rates.currency
            and product_events.event_date >= rates.valid_from
            and (product_events.event_date < rates.valid_to or rates.valid_to is null)
    where product_events.amount is not null
),

final as (
    select
        user_id,
        activity_date,
        {{ llm_analytics.count_if('amount > 0') }} as n_payments,
        {{ llm_analytics.count_if('amount < 0') }} as n_refunds,
        {{ llm_analytics.count_if('amount_usd is null') }} as n_unconverted,
        {{ llm_analytics.sum_usd('amount_usd') }} as revenue_usd
    from converted
    group by user_id, activity_date
)

select * from final
