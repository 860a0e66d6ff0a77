-- One row per model that calls name: when it was used, and its price on the day it was used last.
with

calls as (
    select * from {{ ref('int_response_matches') }}
),

prices as (
    select * from {{ ref('int_prices_by_day') }}
),

used as (
    select
        provider,
        model,
        count(*) as n_calls,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_unpriced_calls,
        min({{ llm_analytics.reporting_date('occurred_at') }}) as first_used_date,
        max({{ llm_analytics.reporting_date('occurred_at') }}) as last_used_date,
        max(cast(occurred_at as date)) as last_price_date
    from calls
    where
        is_current
        and model is not null
    group by provider, model
),

daily_prices as (
    select
        provider,
        model,
        price_date,
        min(priced_model) as priced_model,
        min(input_usd_per_million) as input_usd_per_million,
        min(cache_read_usd_per_million) as cache_read_usd_per_million,
        min(cache_write_usd_per_million) as cache_write_usd_per_million,
        min(output_usd_per_million) as output_usd_per_million
    from prices
    group by provider, model, price_date
),

final as (
    select
        used.provider,
        used.model,
        daily_prices.priced_model,
        used.n_calls,
        used.n_unpriced_calls,
        cast(daily_prices.input_usd_per_million as decimal(38, 12)) as input_usd_per_million,
        cast(daily_prices.cache_read_usd_per_million as decimal(38, 12))
            as cache_read_usd_per_million,
        cast(daily_prices.cache_write_usd_per_million as decimal(38, 12))
            as cache_write_usd_per_million,
        cast(daily_prices.output_usd_per_million as decimal(38, 12)) as output_usd_per_million,
        daily_prices.priced_model is not null as is_priced,
        used.first_used_date,
        used.last_used_date
    from used
    left join daily_prices
        on
            used.model = daily_prices.model
            and coalesce(used.provider, '') = coalesce(daily_prices.provider, '')
            and used.last_price_date = daily_prices.price_date
)

select * from final
