-- One row per reporting date d: who was active in the 28 days [d - 27, d], where they come from,
-- and whether they were active in the 28 days after.
with

engagement as (
    select * from {{ ref('engagement_daily') }}
),

user_days as (
    select * from {{ ref('user_days') }}
),

numbered_days as (
    select
        user_id,
        activity_date,
        lag(activity_date) over (
            partition by user_id
            order by activity_date
        ) as previous_date
    from user_days
),

-- A user is active on every date of a stretch: from its first active day to 27 days after its last.
stretched as (
    select
        user_id,
        activity_date,
        count(
            case
                when {{ llm_analytics.days_between('previous_date', 'activity_date') }} > 28 then 1
            end
        ) over (
            partition by user_id
            order by activity_date
        ) as stretch
    from numbered_days
),

stretches as (
    select
        user_id,
        stretch,
        min(activity_date) as first_date,
        max(activity_date) as last_date
    from stretched
    group by user_id, stretch
),

neighbours as (
    select
        stretch,
        first_date,
        {{ llm_analytics.add_days('last_date', 28) }} as end_date,
        lag(last_date) over (
            partition by user_id
            order by first_date
        ) as previous_last_date
    from stretches
),

-- Dates [first, end) on which a user is new (in the window of the first query), or retained (active
-- in the 28 days before the window, too).
changes as (
    select
        first_date as date_day,
        1 as new_delta,
        0 as retained_delta
    from neighbours
    where stretch = 0
    union all
    select
        {{ llm_analytics.add_days('first_date', 28) }} as date_day,
        -1 as new_delta,
        0 as retained_delta
    from neighbours
    where stretch = 0
    union all
    select
        {{ llm_analytics.add_days('first_date', 28) }} as date_day,
        0 as new_delta,
        1 as retained_delta
    from neighbours
    where {{ llm_analytics.add_days('first_date', 28) }} < end_date
    union all
    select
        end_date as date_day,
        0 as new_delta,
        -1 as retained_delta
    from neighbours
    where {{ llm_analytics.add_days('first_date', 28) }} < end_date
    union all
    select
        first_date as date_day,
        0 as new_delta,
        1 as retained_delta
    from neighbours
    where first_date < {{ llm_analytics.add_days('previous_last_date', 56) }}
    union all
    select
        least(end_date, {{ llm_analytics.add_days('previous_last_date', 56) }}) as date_day,
        0 as new_delta,
        -1 as retained_delta
    from neighbours
    where first_date < {{ llm_analytics.add_days('previous_last_date', 56) }}
),

changes_by_day as (
    select
        date_day,
        sum(new_delta) as new_delta,
        sum(retained_delta) as retained_delta
    from changes
    group by date_day
),

counted as (
    select
        engagement.date_day,
        engagement.mau as n_active,
        cast(sum(coalesce(changes_by_day.new_delta, 0)) over (
            order by engagement.date_day
        ) as {{ dbt.type_bigint() }}) as n_new,
        cast(sum(coalesce(changes_by_day.retained_delta, 0)) over (
            order by engagement.date_day
        ) as {{ dbt.type_bigint() }}) as n_retained
    from engagement
    left join changes_by_day
        on engagement.date_day = changes_by_day.date_day
),

-- Who is retained 28 days later is not churned.
final as (
    select
        counted.date_day,
        counted.n_active,
        counted.n_new,
        counted.n_retained,
        counted.n_active - counted.n_new - counted.n_retained as n_resurrected,
        case
            when {{ llm_analytics.is_elapsed('later.date_day') }}
                then counted.n_active - later.n_retained
        end as n_churned,
        case
            when {{ llm_analytics.is_elapsed('later.date_day') }}
                then {{ llm_analytics.ratio(
                    'counted.n_active - later.n_retained', 'counted.n_active'
                ) }}
        end as churn_rate,
        {{ llm_analytics.is_elapsed('later.date_day') }} as is_mature
    from counted
    left join counted as later
        on {{ llm_analytics.add_days('counted.date_day', 28) }} = later.date_day
)

select * from final
