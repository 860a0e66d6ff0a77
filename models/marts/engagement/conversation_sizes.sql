-- One row per measure (depth, queries) and value: how many closed conversations are that big.
with

conversations as (
    select * from {{ ref('fct_conversations') }}
),

measured as (
    select
        'depth' as measure,
        depth as size
    from conversations
    where is_closed
    union all
    select
        'queries' as measure,
        n_queries as size
    from conversations
    where is_closed
),

final as (
    select
        measure,
        size,
        count(*) as n_conversations
    from measured
    group by measure, size
)

select * from final
