-- One row per cohort date (the reporting date of a user's first query) and day number from 0 on:
-- what its users have paid and cost up to that day. Later days are NULL.
with

cohort_days as (
    select * from {{ ref('retention_by_cohort') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

revenue_days as (
    select * from {{ ref('user_revenue_days') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

amounts as (
    select
        user_id,
        activity_date,
        revenue_usd,
        cast(null as decimal(38, 12)) as cost_usd,
        0 as n_unpriced_calls
    from revenue_days
    union all
    select
        user_id,
        response_date as activity_date,
        cast(null as decimal(38, 12)) as revenue_usd,
        sum(cost_usd) as cost_usd,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_unpriced_calls
    from calls
    where user_id is not null
    group by user_id, response_date
),

-- What was paid before the first query belongs to its day.
totals as (
    select
        users.cohort_date,
        greatest({{ llm_analytics.days_between('users.cohort_date', 'amounts.activity_date') }}, 0)
            as day_number,
        sum(amounts.revenue_usd) as revenue_usd,
        sum(amounts.cost_usd) as cost_usd,
        sum(amounts.n_unpriced_calls) as n_unpriced_calls
    from amounts
    inner join users
        on amounts.user_id = users.user_id
    where
        users.cohort_date is not null
        and not users.is_excluded
    group by
        users.cohort_date,
        greatest({{ llm_analytics.days_between('users.cohort_date', 'amounts.activity_date') }}, 0)
),

cumulated as (
    select
        cohort_days.cohort_date,
        cohort_days.day_number,
        cohort_days.n_cohort,
        sum(coalesce(totals.revenue_usd, 0)) over up_to_day as revenue_usd,
        sum(coalesce(totals.cost_usd, 0)) over up_to_day as cost_usd,
        sum(coalesce(totals.n_unpriced_calls, 0)) over up_to_day as n_unpriced_calls,
        {{ llm_analytics.is_elapsed(
            llm_analytics.add_days('cohort_days.cohort_date', 'cohort_days.day_number'),
            ['queries', 'responses', 'product_events'],
        ) }} as is_mature
    from cohort_days
    left join totals
        on
            cohort_days.cohort_date = totals.cohort_date
            and cohort_days.day_number = totals.day_number
    window up_to_day as (
        partition by cohort_days.cohort_date
        order by cohort_days.day_number
        rows unbounded preceding
    )
),

final as (
    select
        cohort_date,
        day_number,
        n_cohort,
        cast(case when is_mature then revenue_usd end as decimal(38, 12)) as revenue_usd,
        cast(case when is_mature then cost_usd end as decimal(38, 12)) as cost_usd,
        cast(case when is_mature then n_unpriced_calls end as {{ dbt.type_bigint() }})
            as n_unpriced_calls,
        case
            when is_mature then {{ llm_analytics.ratio('revenue_usd - cost_usd', 'n_cohort') }}
        end as lifetime_value_usd,
        is_mature
    from cumulated
)

select * from final
