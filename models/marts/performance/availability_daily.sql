-- One row per reporting date, days without any sign of life included.
with

dates as (
    select * from {{ ref('dim_dates') }}
),

buckets as (
    select * from {{ ref('availability_by_bucket') }}
),

totals as (
    select
        date_day,
        {{ llm_analytics.sum_integer('n_attempts') }} as n_attempts,
        {{ llm_analytics.sum_integer('n_failed') }} as n_failed,
        {{ llm_analytics.count_if("state = 'up'") }} as n_up,
        {{ llm_analytics.count_if("state = 'down'") }} as n_down
    from buckets
    group by date_day
),

-- A day of a clock change has an hour more or less.
counted as (
    select
        dates.date_day,
        dates.is_complete,
        coalesce(totals.n_attempts, 0) as n_attempts,
        coalesce(totals.n_failed, 0) as n_failed,
        coalesce(totals.n_up, 0) as n_up,
        coalesce(totals.n_down, 0) as n_down,
        {{ llm_analytics.whole_quotient(
            llm_analytics.microseconds_between(
                llm_analytics.start_of_reporting_date('dates.date_day'),
                llm_analytics.start_of_reporting_date(llm_analytics.add_days('dates.date_day', 1)),
            ),
            300000000,
        ) }} as n_buckets
    from dates
    left join totals
        on dates.date_day = totals.date_day
),

final as (
    select
        date_day,
        n_attempts,
        n_failed,
        {{ llm_analytics.ratio('n_attempts - n_failed', 'n_attempts') }} as success_rate,
        n_buckets,
        n_up,
        n_down,
        n_buckets - n_up - n_down as n_unknown,
        {{ llm_analytics.ratio('n_up', 'n_up + n_down') }} as availability,
        is_complete
    from counted
)

select * from final
