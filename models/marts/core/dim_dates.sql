-- One row per reporting date from the first event to as_of, days without any event included.
{% set streams = ['int_queries', 'int_responses', 'int_feedback', 'int_product_events'] %}

with

reaches as (
    select * from {{ ref('int_as_of') }}
),

firsts as (
    {% for stream in streams %}
    select min(occurred_at) as first_at
    from {{ ref(stream) }}
    {{ 'where is_withdrawn is not true' if stream in ('int_queries', 'int_responses') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

bounds as (
    select
        {{ llm_analytics.reporting_date('min(firsts.first_at)') }} as first_date,
        {{ llm_analytics.reporting_date(
            '(select max(greatest(reaches.as_of, reaches.newest_at)) from reaches)'
        ) }} as last_date
    from firsts
),

-- 36525 days are a century.
numbers as (
    {{ dbt.generate_series(36525) }}
),

dates as (
    select
        {{ llm_analytics.add_days('bounds.first_date', 'numbers.generated_number - 1') }}
            as date_day
    from numbers
    inner join bounds
        on
            numbers.generated_number - 1
            <= {{ llm_analytics.days_between('bounds.first_date', 'bounds.last_date') }}
),

final as (
    select
        date_day,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as week_start_date,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_date,
        {{ llm_analytics.is_elapsed('date_day') }} as is_complete
    from dates
)

select * from final
