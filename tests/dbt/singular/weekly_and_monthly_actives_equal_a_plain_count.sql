-- The running sums of engagement_daily against distinct users counted date by date.
with

engagement as (
    select * from {{ ref('engagement_daily') }}
),

user_days as (
    select * from {{ ref('user_days') }}
),

counted as (
    select
        engagement.date_day,
        engagement.wau,
        engagement.mau,
        count(distinct case
            when user_days.activity_date > {{ llm_analytics.add_days('engagement.date_day', -7) }}
                then user_days.user_id
        end) as counted_wau,
        count(distinct user_days.user_id) as counted_mau
    from engagement
    left join user_days
        on
            engagement.date_day >= user_days.activity_date
            and {{ llm_analytics.add_days('engagement.date_day', -28) }} < user_days.activity_date
    group by engagement.date_day, engagement.wau, engagement.mau
)

select *
from counted
where
    wau <> counted_wau
    or mau <> counted_mau
