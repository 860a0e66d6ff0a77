-- One row: the newest load that this run reads. Every model of the run stops there.
with

loads as (
    select
        load_seq,
        loaded_at
    from {{ ref('stg_loads__loads') }}
    {%- if llm_analytics.mapped_tables() %}
    union all
    select
        load_seq,
        newest_at as loaded_at
    from {{ ref('int_table_loads') }}
    {%- endif %}
),

final as (
    select
        coalesce(max(load_seq), 0) as load_seq,
        max(loaded_at) as loaded_at
    from loads
)

select * from final
