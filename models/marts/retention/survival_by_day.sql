-- One row per month of the first query, plan, country and days since the first query: the life
-- table of the days after which users left, that is were not active in the 28 days after. Who had
-- not left is censored at the last date of which that is known.
with

users as (
    select * from {{ ref('dim_users') }}
),

user_days as (
    select * from {{ ref('user_days') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

-- Of later dates nobody knows yet who is gone after them.
known_dates as (
    select {{ llm_analytics.add_days('max(date_day)', -28) }} as known_until
    from dates
    where is_complete
),

numbered_days as (
    select
        user_id,
        activity_date,
        lead(activity_date) over (
            partition by user_id
            order by activity_date
        ) as next_date
    from user_days
),

-- The first silence counts; who came back after it had left all the same.
departures as (
    select
        user_id,
        min(activity_date) as left_after_date
    from numbered_days
    where
        next_date is null
        or next_date > {{ llm_analytics.add_days('activity_date', 28) }}
    group by user_id
),

spells as (
    select
        cast({{ dbt.date_trunc('month', 'users.cohort_date') }} as date) as cohort_month_date,
        users.plan,
        users.country,
        departures.left_after_date <= known_dates.known_until as has_left,
        {{ llm_analytics.days_between(
            'users.cohort_date', 'least(departures.left_after_date, known_dates.known_until)'
        ) }} as day_number
    from users
    inner join departures
        on users.user_id = departures.user_id
    inner join known_dates
        on users.cohort_date <= known_dates.known_until
    where not users.is_excluded
),

final as (
    select
        cohort_month_date,
        plan,
        country,
        day_number,
        {{ llm_analytics.count_if('has_left') }} as n_left,
        {{ llm_analytics.count_if('not has_left') }} as n_censored
    from spells
    group by cohort_month_date, plan, country, day_number
)

select * from final
