-- One row per stream and reason of refused lines, as far as this run reads loads. A line that is
-- loaded again is refused again, but counted once.
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
        count(distinct quarantine.line_sha256) as n_lines
    from quarantine
    inner join horizon
        on quarantine.load_seq <= horizon.load_seq
    group by quarantine.stream, quarantine.reason
)

select * from final
