-- One row per user and period of 28 reporting dates with a query; the last period ends with the
-- last complete date. Users are classified by the period, what comes of them is seen in the next.
with

user_days as (
    select * from {{ ref('user_days') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

last_dates as (
    select max(date_day) as last_date
    from dates
    where is_complete
),

-- Period 0 is the last one, period 1 the one before it.
numbered_days as (
    select
        user_days.user_id,
        user_days.n_queries,
        last_dates.last_date,
        {{ llm_analytics.whole_quotient(
            llm_analytics.days_between('user_days.activity_date', 'last_dates.last_date'), 28
        ) }} as period_number
    from user_days
    inner join last_dates
        on user_days.activity_date <= last_dates.last_date
),

periods as (
    select
        user_id,
        period_number,
        {{ llm_analytics.add_days('min(last_date)', '-28 * period_number') }} as period_end_date,
        count(*) as n_active_days,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries
    from numbered_days
    group by user_id, period_number
),

followed as (
    select
        user_id,
        period_number,
        period_end_date,
        n_active_days,
        n_queries,
        lag(period_number) over (
            partition by user_id
            order by period_number
        ) as next_period_number,
        lag(n_active_days) over (
            partition by user_id
            order by period_number
        ) as next_n_active_days
    from periods
),

-- How the last query of the period had left its user.
last_experiences as (
    select
        interactions.user_id,
        {{ llm_analytics.whole_quotient(
            llm_analytics.days_between('interactions.interaction_date', 'last_dates.last_date'), 28
        ) }} as period_number,
        interactions.end_state,
        row_number() over (
            partition by
                interactions.user_id,
                {{ llm_analytics.whole_quotient(
                    llm_analytics.days_between(
                        'interactions.interaction_date', 'last_dates.last_date'
                    ),
                    28,
                ) }}
            order by
                interactions.asked_at desc,
                coalesce(interactions.sequence_number, 0) desc,
                {{ llm_analytics.text_order('interactions.interaction_id') }} desc
        ) as recency
    from interactions
    inner join last_dates
        on interactions.interaction_date <= last_dates.last_date
    where interactions.user_id is not null
),

final as (
    select
        followed.user_id,
        followed.period_end_date,
        {{ llm_analytics.usage_segment('followed.n_active_days') }} as segment,
        last_experiences.end_state as last_end_state,
        followed.n_active_days,
        followed.n_queries,
        {{ llm_analytics.days_between('users.cohort_date', 'followed.period_end_date') }}
            as tenure_days,
        case
            when followed.next_period_number = followed.period_number - 1
                then followed.next_n_active_days
            when followed.period_number > 0 then 0
        end as n_active_days_next,
        followed.period_number > 0 as is_mature,
        case
            when followed.period_number > 0
                then coalesce(followed.next_period_number = followed.period_number - 1, false)
        end as is_retained
    from followed
    inner join users
        on followed.user_id = users.user_id
    left join last_experiences
        on
            followed.user_id = last_experiences.user_id
            and followed.period_number = last_experiences.period_number
            and last_experiences.recency = 1
)

select * from final
