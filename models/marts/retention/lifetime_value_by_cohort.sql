-- One row per cohort date (the reporting date of a user's first query) and day number from 0 on:
-- what its users have paid and cost up to that day, NULL until it has passed, and what a projection
-- says of it: of days to come, and of those that have passed as it would have from half their age.
with

cohort_days as (
    select * from {{ ref('retention_by_cohort') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
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

days as (
    select
        cohort_days.cohort_date,
        cohort_days.day_number,
        cohort_days.n_cohort,
        coalesce(totals.revenue_usd, 0) as revenue_usd,
        coalesce(totals.cost_usd, 0) as cost_usd,
        coalesce(totals.n_unpriced_calls, 0) as n_unpriced_calls,
        {{ llm_analytics.is_elapsed(
            llm_analytics.add_days('cohort_days.cohort_date', 'cohort_days.day_number'),
            ['queries', 'responses', 'product_events'],
        ) }} as is_mature
    from cohort_days
    left join totals
        on
            cohort_days.cohort_date = totals.cohort_date
            and cohort_days.day_number = totals.day_number
),

{% set up_to_day = 'partition by cohort_date order by day_number rows unbounded preceding' %}
cumulated as (
    select
        cohort_date,
        day_number,
        n_cohort,
        is_mature,
        sum(revenue_usd) over ({{ up_to_day }}) as revenue_usd,
        sum(cost_usd) over ({{ up_to_day }}) as cost_usd,
        sum(n_unpriced_calls) over ({{ up_to_day }}) as n_unpriced_calls,
        max(case when is_mature then day_number end) over (partition by cohort_date)
            as last_mature_day
    from days
),

observed as (
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
        case
            when not is_mature then last_mature_day
            when day_number > 0 then {{ llm_analytics.whole_quotient('day_number', 2) }}
        end as known_day,
        is_mature
    from cumulated
),

known_until as (
    select
        min(cohort_date) as first_cohort_date,
        max({{ llm_analytics.add_days('cohort_date', 'day_number') }}) as last_date
    from days
    where is_mature
),

day_numbers as (
    select distinct day_number from days
),

-- Every date is a cohort's here, so that "cohorts up to a date" is a row.
grid as (
    select
        dates.date_day as cohort_date,
        day_numbers.day_number,
        coalesce(days.revenue_usd - days.cost_usd, 0) as value_usd,
        coalesce(days.n_cohort, 0) as n_cohort
    from known_until
    inner join dates
        on known_until.first_cohort_date <= dates.date_day
    inner join day_numbers
        on
            known_until.last_date
            >= {{ llm_analytics.add_days('dates.date_day', 'day_numbers.day_number') }}
    left join days
        on
            dates.date_day = days.cohort_date
            and day_numbers.day_number = days.day_number
),

{% set up_to_cohort = 'partition by day_number order by cohort_date rows unbounded preceding' %}
up_to_cohorts as (
    select
        cohort_date,
        day_number,
        cast(sum(value_usd) over ({{ up_to_cohort }}) as decimal(38, 9)) as value_usd,
        cast(sum(n_cohort) over ({{ up_to_cohort }}) as {{ dbt.type_bigint() }}) as n_users
    from grid
),

-- What a day of that number brings per user, by all cohorts up to the date: in whole nanodollars,
-- which add up to the same on every engine.
averages as (
    select
        cohort_date,
        day_number,
        {{ llm_analytics.whole_quotient(
            'cast(value_usd * 1000000000 as ' ~ dbt.type_bigint() ~ ')', 'n_users'
        ) }} as value_nanodollars
    from up_to_cohorts
),

-- A cohort date and a day number are one date: with what had passed by then, averages add up.
expected as (
    select
        cohort_date,
        day_number,
        sum(value_nanodollars) over (
            partition by {{ llm_analytics.add_days('cohort_date', 'day_number') }}
            order by day_number
            rows unbounded preceding
        ) as value_nanodollars
    from averages
),

final as (
    select
        observed.cohort_date,
        observed.day_number,
        observed.n_cohort,
        observed.revenue_usd,
        observed.cost_usd,
        observed.n_unpriced_calls,
        observed.lifetime_value_usd,
        case
            when at_day.value_nanodollars is not null then observed.known_day
        end as projected_from_day,
        known.lifetime_value_usd
        + {{ llm_analytics.ratio(
            'at_day.value_nanodollars - at_known_day.value_nanodollars', '1000000000'
        ) }} as projected_lifetime_value_usd,
        observed.is_mature
    from observed
    left join observed as known
        on
            observed.cohort_date = known.cohort_date
            and observed.known_day = known.day_number
    left join expected as at_known_day
        on
            observed.cohort_date = at_known_day.cohort_date
            and observed.known_day = at_known_day.day_number
    -- The older cohort that reached this day number on the same date.
    left join expected as at_day
        on
            {{ llm_analytics.add_days(
                'observed.cohort_date', '(observed.known_day - observed.day_number)'
            ) }} = at_day.cohort_date
            and observed.day_number = at_day.day_number
)

select * from final
