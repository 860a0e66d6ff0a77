-- A model name (or prefix) has at most one price on any date: its intervals are half-open,
-- are not empty and do not overlap. Each row returned is an interval that breaks this.
with

prices as (
    select * from {{ ref('model_prices') }}
),

bounded as (
    select
        provider,
        model,
        match,
        valid_from,
        coalesce(valid_to, cast('9999-12-31' as date)) as ends_before
    from prices
),

with_next as (
    select
        provider,
        model,
        match,
        valid_from,
        ends_before,
        lead(valid_from) over (
            partition by provider, model, match
            order by valid_from, ends_before
        ) as next_valid_from
    from bounded
),

final as (
    select
        provider,
        model,
        match,
        valid_from,
        ends_before,
        next_valid_from
    from with_next
    where
        valid_from >= ends_before
        or next_valid_from < ends_before
)

select * from final
