-- Each row returned is an alias whose provider and model have no exact row among the prices, or
-- that hides a priced model of its own name.
with

aliases as (
    select * from {{ ref('model_aliases') }}
),

exact_prices as (
    select distinct
        provider,
        model
    from {{ ref('model_prices') }}
    where match = 'exact'
),

final as (
    select
        aliases.alias,
        aliases.provider,
        aliases.model
    from aliases
    left join exact_prices as priced
        on
            aliases.provider = priced.provider
            and aliases.model = priced.model
    left join exact_prices as namesake
        on aliases.alias = namesake.model
    where
        priced.model is null
        or namesake.model is not null
)

select * from final
