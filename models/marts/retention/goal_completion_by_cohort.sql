-- One row per goal and cohort date (the reporting date of a user's first query).
with

users as (
    select * from {{ ref('dim_users') }}
),

product_events as (
    select * from {{ ref('fct_product_events') }}
),

goals as (
    select * from {{ llm_analytics.seed('goals') }}
),

windowed_goals as (
    select
        goal,
        max(window_days) as window_days
    from goals
    where window_days is not null
    group by goal
),

starts as (
    select
        users.user_id,
        users.cohort_date,
        users.first_query_at,
        windowed_goals.goal,
        windowed_goals.window_days,
        {{ llm_analytics.is_past_window(
            'users.first_query_at', 'windowed_goals.window_days', ['queries', 'product_events']
        ) }} as is_mature
    from users
    cross join windowed_goals
    where
        users.first_query_at is not null
        and not users.is_excluded
),

completed as (
    select distinct
        starts.user_id,
        starts.goal
    from starts
    inner join product_events
        on
            starts.user_id = product_events.user_id
            and starts.goal = product_events.reached_goal
            and {{ llm_analytics.is_within_days(
                'starts.first_query_at', 'product_events.occurred_at', 'starts.window_days'
            ) }}
),

totals as (
    select
        starts.goal,
        starts.cohort_date,
        starts.window_days,
        count(*) as n_users,
        {{ llm_analytics.count_if('starts.is_mature') }} as n_mature,
        {{ llm_analytics.count_if('starts.is_mature and completed.user_id is not null') }}
            as n_completed
    from starts
    left join completed
        on
            starts.user_id = completed.user_id
            and starts.goal = completed.goal
    group by starts.goal, starts.cohort_date, starts.window_days
),

final as (
    select
        goal,
        cohort_date,
        cast(window_days as {{ dbt.type_bigint() }}) as window_days,
        n_users,
        n_mature,
        n_completed,
        {{ llm_analytics.ratio('n_completed', 'n_mature') }} as completion_rate,
        n_mature = n_users as is_mature
    from totals
)

select * from final
