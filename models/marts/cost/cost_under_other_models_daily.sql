-- One row per reporting date, model and other model in use: what the same tokens cost under the
-- last known prices of the other one.
with

caching as (
    select * from {{ ref('cost_caching_daily') }}
),

models as (
    select * from {{ ref('dim_models') }}
),

-- Two names of one price row are one model here.
others as (
    select distinct
        provider,
        priced_model,
        input_usd_per_million,
        cache_read_usd_per_million,
        cache_write_usd_per_million,
        output_usd_per_million
    from models
    where
        input_usd_per_million is not null
        and output_usd_per_million is not null
),

-- Cached tokens that the other model has no price for are billed as plain input.
repriced as (
    select
        caching.date_day,
        caching.provider,
        caching.model,
        others.provider as other_provider,
        others.priced_model as other_model,
        caching.n_calls,
        caching.cost_usd,
        {{ llm_analytics.usd(
            '(caching.input_tokens - caching.cache_read_tokens - caching.cache_write_tokens)',
            'others.input_usd_per_million',
        ) }}
        + {{ llm_analytics.usd(
            'caching.cache_read_tokens',
            'coalesce(others.cache_read_usd_per_million, others.input_usd_per_million)',
        ) }}
        + {{ llm_analytics.usd(
            'caching.cache_write_tokens',
            'coalesce(others.cache_write_usd_per_million, others.input_usd_per_million)',
        ) }}
        + {{ llm_analytics.usd('caching.output_tokens', 'others.output_usd_per_million') }}
            as other_cost_usd
    from caching
    inner join models
        on
            coalesce(caching.provider, '') = coalesce(models.provider, '')
            and caching.model = models.model
    inner join others
        on
            coalesce(models.provider, '') <> coalesce(others.provider, '')
            or models.priced_model <> others.priced_model
),

final as (
    select
        date_day,
        provider,
        model,
        other_provider,
        other_model,
        n_calls,
        cost_usd,
        cast(other_cost_usd as decimal(38, 12)) as other_cost_usd,
        cast(cost_usd - other_cost_usd as decimal(38, 12)) as saving_usd
    from repriced
)

select * from final
