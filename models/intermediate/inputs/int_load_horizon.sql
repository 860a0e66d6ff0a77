-- One row: the newest load that this run reads. Every model of the run stops there.
with

loads as (
    select * from {{ ref('stg_loads__loads') }}
),

final as (
    select
        coalesce(max(load_seq), 0) as load_seq,
        max(loaded_at) as loaded_at
    from loads
)

select * from final
