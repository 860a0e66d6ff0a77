-- One row per stretch of a team's own table (var llm_analytics_tables): rows that count as loaded
-- together. A run that finds newer rows adds a stretch with a number after that of every load so
-- far; a stretch whose rows are not those that were counted gets that number too, so that all of it
-- is read again. Old stretches are merged under the highest of their numbers: what was built long
-- ago reads too much, never too little. Kept by a full refresh, which reads all of it anyway.
{{ config(
    enabled=(var('llm_analytics_tables', {}) | length > 0),
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='stream',
    full_refresh=false,
) }}
{% set n_exact_stretches = 4 %}
{% set day = 86400000000 %}
{% set before_all = -9000000000000000000 %}

with

loads as (
    select coalesce(max(load_seq), 0) as load_seq
    from {{ ref('stg_loads__loads') }}
),

table_rows as (
    {%- for stream in llm_analytics.mapped_tables() %}
    select
        '{{ stream }}' as stream,
        cast({{ llm_analytics.bounded_days(stream) or 'null' }} as {{ dbt.type_bigint() }})
            as bounded_days,
        load_seq as position,
        occurred_at
    from {{ ref('stg_tables__' ~ stream) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

known as (
    select
        {%- if is_incremental() %}
        stream,
        newest_position,
        n_rows,
        position_sum,
        first_load_seq,
        load_seq
    from {{ this }}
        {%- else %}
        cast(null as {{ dbt.type_string() }}) as stream,
        cast(null as {{ dbt.type_bigint() }}) as newest_position,
        cast(null as {{ dbt.type_bigint() }}) as n_rows,
        cast(null as decimal(38, 0)) as position_sum,
        cast(null as {{ dbt.type_bigint() }}) as first_load_seq,
        cast(null as {{ dbt.type_bigint() }}) as load_seq
    where false
        {%- endif %}
),

newest as (
    select
        stream,
        max(bounded_days) as bounded_days,
        max(position) as newest_position,
        max(position) - max(bounded_days) * {{ day }} as window_begin
    from table_rows
    group by stream
),

this_run as (
    select max(numbers.load_seq) + 1 as load_seq
    from (
        select loads.load_seq
        from loads
        union all
        select known.load_seq
        from known
    ) as numbers
),

ends as (
    select
        stream,
        newest_position
    from known
    union distinct
    select
        stream,
        newest_position
    from newest
    union distinct
    -- What lies before the window of a bounded table is told apart from the start.
    select
        newest.stream,
        newest.window_begin as newest_position
    from newest
    where
        newest.window_begin is not null
        and newest.stream not in (select known.stream from known)
),

reached as (
    select
        ends.stream,
        ends.newest_position,
        count(*) as n_rows,
        cast(sum(table_rows.position) as decimal(38, 0)) as position_sum,
        max(table_rows.occurred_at) as newest_at
    from ends
    inner join table_rows
        on
            ends.stream = table_rows.stream
            and ends.newest_position >= table_rows.position
    group by ends.stream, ends.newest_position
),

stretches as (
    select
        stream,
        newest_position,
        newest_at,
        n_rows - coalesce(
            lag(n_rows) over (partition by stream order by newest_position), 0
        ) as n_rows,
        position_sum - coalesce(
            lag(position_sum) over (partition by stream order by newest_position), 0
        ) as position_sum,
        coalesce(
            lag(newest_position) over (partition by stream order by newest_position),
            {{ before_all }}
        ) as previous_position,
        row_number() over (partition by stream order by newest_position desc) as recency
    from reached
),

numbered as (
    select
        stretches.*,
        newest.bounded_days,
        coalesce(known.first_load_seq, this_run.load_seq) as first_load_seq,
        case
            when
                known.n_rows = stretches.n_rows
                and known.position_sum = stretches.position_sum
                and (
                    newest.window_begin is null
                    or stretches.newest_position <= newest.window_begin
                )
                then known.load_seq
            else this_run.load_seq
        end as load_seq,
        case
            when stretches.newest_position <= newest.window_begin then {{ before_all }}
            when newest.window_begin is not null
                then {{ llm_analytics.whole_quotient('stretches.newest_position', day) }}
            when stretches.recency <= {{ n_exact_stretches }} then stretches.newest_position
            else {{ before_all }}
        end as merged_under
    from stretches
    inner join newest
        on stretches.stream = newest.stream
    cross join this_run
    left join known
        on
            stretches.stream = known.stream
            and stretches.newest_position = known.newest_position
),

final as (
    select
        stream,
        max(bounded_days) as bounded_days,
        min(previous_position) as previous_position,
        max(newest_position) as newest_position,
        {{ llm_analytics.sum_integer('n_rows') }} as n_rows,
        cast(sum(position_sum) as decimal(38, 0)) as position_sum,
        max(first_load_seq) as first_load_seq,
        max(load_seq) as load_seq,
        max(newest_at) as newest_at
    from numbered
    group by stream, merged_under
)

select * from final
