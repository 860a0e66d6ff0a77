-- One row per reporting date of the call, provider, model and cause: what trackers logged as cost
-- against what the price list gives, and why they differ.
with

calls as (
    select * from {{ ref('int_calls') }}
),

prices as (
    select * from {{ ref('int_prices_by_day') }}
),

model_prices as (
    select * from {{ llm_analytics.seed('model_prices') }}
),

daily_prices as (
    select
        coalesce(provider, '') as provider,
        model,
        price_date,
        min(input_usd_per_million) as input_usd_per_million,
        min(output_usd_per_million) as output_usd_per_million
    from prices
    group by coalesce(provider, ''), model, price_date
),

compared as (
    select
        calls.response_event_id,
        calls.response_date as date_day,
        calls.provider,
        calls.model,
        calls.priced_model,
        calls.cost_basis,
        calls.input_tokens - calls.cache_read_tokens - calls.cache_write_tokens
            as uncached_input_tokens,
        calls.cache_read_tokens,
        calls.cache_write_tokens,
        calls.output_tokens,
        coalesce(calls.tool_cost_usd, 0) as tool_cost_usd,
        calls.logged_cost_usd,
        case when calls.cost_basis in ('split', 'estimated') then calls.cost_usd end
            as computed_cost_usd,
        {{ llm_analytics.usd('calls.input_tokens', 'daily_prices.input_usd_per_million') }}
        + {{ llm_analytics.usd('calls.output_tokens', 'daily_prices.output_usd_per_million') }}
            as flat_cost_usd
    from calls
    left join daily_prices
        on
            coalesce(calls.provider, '') = daily_prices.provider
            and calls.model = daily_prices.model
            and cast(calls.occurred_at as date) = daily_prices.price_date
),

-- The tracker may know the price of another time.
stale as (
    select distinct compared.response_event_id
    from compared
    inner join model_prices
        on
            compared.provider = model_prices.provider
            and compared.priced_model = model_prices.model
    where
        compared.cost_basis = 'split'
        and compared.logged_cost_usd is not null
        and {{ llm_analytics.is_same_cost(
            'compared.logged_cost_usd',
            [
                llm_analytics.usd(
                    'compared.uncached_input_tokens', 'model_prices.input_usd_per_million'
                ),
                llm_analytics.usd(
                    'compared.cache_read_tokens', 'model_prices.cache_read_usd_per_million'
                ),
                llm_analytics.usd(
                    'compared.cache_write_tokens', 'model_prices.cache_write_usd_per_million'
                ),
                llm_analytics.usd(
                    'compared.output_tokens', 'model_prices.output_usd_per_million'
                ),
            ] | join(' + '),
        ) }}
),

explained as (
    select
        compared.*,
        case
            when compared.logged_cost_usd is null then 'not_logged'
            when compared.computed_cost_usd is null then 'not_computed'
            when {{ llm_analytics.is_same_cost(
                'compared.logged_cost_usd', 'compared.computed_cost_usd'
            ) }} then 'equal'
            when compared.cost_basis = 'estimated' then 'estimated'
            when {{ llm_analytics.is_same_cost(
                'compared.logged_cost_usd', 'compared.computed_cost_usd - compared.tool_cost_usd'
            ) }} then 'tools_left_out'
            when {{ llm_analytics.is_same_cost(
                'compared.logged_cost_usd', 'compared.flat_cost_usd'
            ) }} then 'cache_ignored'
            when stale.response_event_id is not null then 'stale_price'
            else 'other'
        end as cause
    from compared
    left join stale
        on compared.response_event_id = stale.response_event_id
),

final as (
    select
        date_day,
        provider,
        model,
        cause,
        count(*) as n_calls,
        {{ llm_analytics.sum_usd('logged_cost_usd') }} as logged_cost_usd,
        {{ llm_analytics.sum_usd('computed_cost_usd') }} as computed_cost_usd,
        {{ llm_analytics.sum_usd('logged_cost_usd - computed_cost_usd') }} as gap_usd
    from explained
    group by date_day, provider, model, cause
)

select * from final
