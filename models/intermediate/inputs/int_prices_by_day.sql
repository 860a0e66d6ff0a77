-- One row per provider and model as calls name them and UTC day of a call: the price that holds.
-- An exact model beats the longest prefix. A name that several providers sell alike well, without
-- a provider on the call, has no price.
with

responses as (
    select * from {{ ref('int_responses') }}
),

model_prices as (
    select * from {{ llm_analytics.seed('model_prices') }}
),

model_aliases as (
    select * from {{ llm_analytics.seed('model_aliases') }}
),

used as (
    select distinct
        coalesce(responses.provider, '') as sent_provider,
        {{ llm_analytics.sent_model('responses') }} as sent_model,
        cast(responses.occurred_at as date) as price_date
    from responses
    where
        responses.is_withdrawn is not true
        and {{ llm_analytics.sent_model('responses') }} is not null
),

price_providers as (
    select distinct provider from model_prices
),

-- A provider that the list does not know (a gateway's spelling) is as good as none.
named as (
    select
        used.sent_provider,
        used.sent_model,
        used.price_date,
        coalesce(model_aliases.provider, price_providers.provider) as provider,
        coalesce(model_aliases.model, lower(trim(used.sent_model))) as model
    from used
    left join model_aliases
        on lower(trim(used.sent_model)) = model_aliases.alias
    left join price_providers
        on lower(trim(used.sent_provider)) = price_providers.provider
),

-- Every price whose name fits, whatever its dates: the best name decides before the date does.
fitting as (
    select
        named.sent_provider,
        named.sent_model,
        named.price_date,
        model_prices.provider,
        model_prices.model,
        model_prices.valid_from,
        model_prices.valid_to,
        model_prices.input_usd_per_million,
        model_prices.cache_read_usd_per_million,
        model_prices.cache_write_usd_per_million,
        model_prices.output_usd_per_million,
        rank() over (
            partition by named.sent_provider, named.sent_model, named.price_date
            order by
                case when model_prices.match = 'exact' then 0 else 1 end,
                length(model_prices.model) desc
        ) as fit
    from named
    inner join model_prices
        on
            (named.provider = model_prices.provider or named.provider is null)
            and (
                (model_prices.match = 'exact' and named.model = model_prices.model)
                or (
                    model_prices.match = 'prefix'
                    and left(named.model, length(model_prices.model)) = model_prices.model
                )
            )
),

best as (
    select
        sent_provider,
        sent_model,
        price_date,
        min(provider) as provider,
        min(model) as priced_model,
        min(input_usd_per_million) as input_usd_per_million,
        min(cache_read_usd_per_million) as cache_read_usd_per_million,
        min(cache_write_usd_per_million) as cache_write_usd_per_million,
        min(output_usd_per_million) as output_usd_per_million
    from fitting
    where
        fit = 1
        and price_date >= valid_from
        and (price_date < valid_to or valid_to is null)
    group by sent_provider, sent_model, price_date
    having count(*) = 1
),

final as (
    select
        named.sent_provider,
        named.sent_model,
        named.price_date,
        coalesce(best.provider, named.provider, nullif(named.sent_provider, '')) as provider,
        named.model,
        best.priced_model,
        best.input_usd_per_million,
        best.cache_read_usd_per_million,
        best.cache_write_usd_per_million,
        best.output_usd_per_million,
        {{ llm_analytics.surrogate_key([
            'best.provider',
            'named.provider',
            'named.model',
            'best.priced_model',
            'best.input_usd_per_million',
            'best.cache_read_usd_per_million',
            'best.cache_write_usd_per_million',
            'best.output_usd_per_million',
        ]) }} as price_fingerprint
    from named
    left join best
        on
            named.sent_provider = best.sent_provider
            and named.sent_model = best.sent_model
            and named.price_date = best.price_date
)

select * from final
