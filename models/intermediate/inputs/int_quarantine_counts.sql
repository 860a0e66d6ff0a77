-- One row per stream and reason of refused lines, as far as this run reads loads.
with

quarantine as (
    select * from {{ ref('stg_loads__quarantine') }}
),

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

final as (
    select
        quarantine.stream,
        quarantine.reason,
        count(*) as n_lines
    from quarantine
    inner join horizon
        on quarantine.load_seq <= horizon.load_seq
    group by quarantine.stream, quarantine.reason
)

select * from final
