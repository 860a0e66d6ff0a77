-- Each row returned is a price below zero, or a row that prices no token class at all.
with

prices as (
    select * from {{ ref('model_prices') }}
),

final as (
    select
        provider,
        model,
        valid_from
    from prices
    where
        input_usd_per_million < 0
        or cache_read_usd_per_million < 0
        or cache_write_usd_per_million < 0
        or output_usd_per_million < 0
        or coalesce(
            input_usd_per_million,
            cache_read_usd_per_million,
            cache_write_usd_per_million,
            output_usd_per_million
        ) is null
)

select * from final
