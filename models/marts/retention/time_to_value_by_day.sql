-- One row per month of the first query and whole days since: the life table that the median time to
-- the first goal is estimated from. Who has not reached one is censored when the data end.
with

users as (
    select * from {{ ref('dim_users') }}
),

product_events as (
    select * from {{ ref('fct_product_events') }}
),

first_values as (
    select
        users.user_id,
        min(product_events.occurred_at) as first_value_at
    from users
    inner join product_events
        on
            users.user_id = product_events.user_id
            and users.first_query_at <= product_events.occurred_at
    where product_events.reached_goal is not null
    group by users.user_id
),

spells as (
    select
        cast({{ dbt.date_trunc('month', 'users.cohort_date') }} as date) as cohort_month_date,
        first_values.user_id is not null as has_value,
        {{ llm_analytics.whole_quotient(
            'greatest(' ~ llm_analytics.microseconds_between(
                'users.first_query_at',
                'coalesce(first_values.first_value_at, '
                ~ llm_analytics.as_of(['queries', 'product_events']) ~ ')',
            ) ~ ', 0)',
            86400000000,
        ) }} as day_number
    from users
    left join first_values
        on users.user_id = first_values.user_id
    where
        users.first_query_at is not null
        and not users.is_excluded
),

ended as (
    select
        cohort_month_date,
        day_number,
        {{ llm_analytics.count_if('has_value') }} as n_reached,
        {{ llm_analytics.count_if('not has_value') }} as n_censored
    from spells
    group by cohort_month_date, day_number
),

final as (
    select
        cohort_month_date,
        day_number,
        cast(sum(n_reached + n_censored) over (
            partition by cohort_month_date
            order by day_number desc
        ) as {{ dbt.type_bigint() }}) as n_at_risk,
        n_reached,
        n_censored
    from ended
)

select * from final
