-- One row per reporting date of the call, provider and model: what prompt caching saves, over the
-- calls whose token classes are known.
{% set tokens = ['input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens'] %}

with

calls as (
    select * from {{ ref('int_calls') }}
),

prices as (
    select * from {{ ref('int_prices_by_day') }}
),

daily_prices as (
    select
        coalesce(provider, '') as provider,
        model,
        price_date,
        min(input_usd_per_million) as input_usd_per_million,
        min(cache_read_usd_per_million) as cache_read_usd_per_million,
        min(cache_write_usd_per_million) as cache_write_usd_per_million,
        min(output_usd_per_million) as output_usd_per_million
    from prices
    group by coalesce(provider, ''), model, price_date
),

day_totals as (
    select
        response_date as date_day,
        cast(occurred_at as date) as price_date,
        provider,
        model,
        count(*) as n_calls,
        {% for column in tokens -%}
        {{ llm_analytics.sum_integer(column) }} as {{ column }},
        {% endfor -%}
        sum(cost_usd - coalesce(tool_cost_usd, 0)) as cost_usd
    from calls
    where cost_basis = 'split'
    group by response_date, cast(occurred_at as date), provider, model
),

-- What could be read from the cache at the target rate, where more is not read already.
targeted as (
    select
        *,
        greatest(
            cache_read_tokens,
            least(
                cast(floor(
                    input_tokens * {{ llm_analytics.setting('target_cache_rate') }}
                ) as {{ dbt.type_bigint() }}),
                input_tokens - cache_write_tokens
            )
        ) as target_read_tokens
    from day_totals
),

priced as (
    select
        targeted.*,
        {{ llm_analytics.usd('targeted.input_tokens', 'daily_prices.input_usd_per_million') }}
        + {{ llm_analytics.usd('targeted.output_tokens', 'daily_prices.output_usd_per_million') }}
            as flat_cost_usd,
        case
            when daily_prices.cache_read_usd_per_million is null then targeted.cost_usd
            else
                {{ llm_analytics.usd(
                    '(targeted.input_tokens - targeted.cache_write_tokens'
                    ~ ' - targeted.target_read_tokens)',
                    'daily_prices.input_usd_per_million',
                ) }}
                + {{ llm_analytics.usd(
                    'targeted.target_read_tokens', 'daily_prices.cache_read_usd_per_million'
                ) }}
                + {{ llm_analytics.usd(
                    'targeted.cache_write_tokens', 'daily_prices.cache_write_usd_per_million'
                ) }}
                + {{ llm_analytics.usd(
                    'targeted.output_tokens', 'daily_prices.output_usd_per_million'
                ) }}
        end as target_cost_usd
    from targeted
    left join daily_prices
        on
            coalesce(targeted.provider, '') = daily_prices.provider
            and targeted.model = daily_prices.model
            and targeted.price_date = daily_prices.price_date
),

final as (
    select
        date_day,
        provider,
        model,
        {{ llm_analytics.sum_integer('n_calls') }} as n_calls,
        {% for column in tokens -%}
        {{ llm_analytics.sum_integer(column) }} as {{ column }},
        {% endfor -%}
        {{ llm_analytics.ratio('sum(cache_read_tokens)', 'sum(input_tokens)') }} as cache_read_rate,
        {{ llm_analytics.sum_usd('cost_usd') }} as cost_usd,
        {{ llm_analytics.sum_usd('flat_cost_usd') }} as flat_cost_usd,
        {{ llm_analytics.sum_usd('flat_cost_usd - cost_usd') }} as saved_usd,
        {{ llm_analytics.sum_usd('target_cost_usd') }} as target_cost_usd
    from priced
    group by date_day, provider, model
)

select * from final
