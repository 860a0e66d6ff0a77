-- One row per cohort date (the reporting date of a user's first query) and day number from 0 on.
with

user_days as (
    select * from {{ ref('user_days') }}
),

cohort_days as (
    select
        user_id,
        activity_date,
        min(activity_date) over (partition by user_id) as cohort_date,
        max(activity_date) over (partition by user_id) as last_date
    from user_days
    where activity_date <= {{ llm_analytics.reporting_date(llm_analytics.as_of(['queries'])) }}
),

active as (
    select
        cohort_date,
        {{ llm_analytics.days_between('cohort_date', 'activity_date') }} as day_number,
        count(*) as n_active,
        {{ llm_analytics.count_if('activity_date = last_date') }} as n_last_active
    from cohort_days
    group by cohort_date, {{ llm_analytics.days_between('cohort_date', 'activity_date') }}
),

cohorts as (
    select
        cohort_date,
        sum(n_last_active) as n_cohort
    from active
    group by cohort_date
),

day_numbers as (
    {{ dbt.generate_series(llm_analytics.setting('max_retention_days') + 1) }}
),

-- Who was last active on an earlier day is lost; everybody else was active on this day or later.
grid as (
    select
        cohorts.cohort_date,
        cast(day_numbers.generated_number - 1 as {{ dbt.type_bigint() }}) as day_number,
        cast(cohorts.n_cohort as {{ dbt.type_bigint() }}) as n_cohort,
        coalesce(active.n_active, 0) as n_active,
        cast(cohorts.n_cohort - coalesce(sum(active.n_last_active) over (
            partition by cohorts.cohort_date
            order by day_numbers.generated_number
            rows between unbounded preceding and 1 preceding
        ), 0) as {{ dbt.type_bigint() }}) as n_active_later,
        {{ llm_analytics.is_elapsed(
            llm_analytics.add_days('cohorts.cohort_date', 'day_numbers.generated_number - 1')
        ) }} as is_mature
    from cohorts
    cross join day_numbers
    left join active
        on
            cohorts.cohort_date = active.cohort_date
            and day_numbers.generated_number - 1 = active.day_number
),

final as (
    select
        cohort_date,
        day_number,
        n_cohort,
        case when is_mature then n_cohort else 0 end as n_eligible,
        case when is_mature then n_active end as n_retained,
        case when is_mature then n_active_later end as n_retained_rolling,
        case
            when is_mature then {{ llm_analytics.ratio('n_active', 'n_cohort') }}
        end as retention_rate,
        case
            when is_mature then {{ llm_analytics.ratio('n_active_later', 'n_cohort') }}
        end as rolling_retention_rate,
        is_mature
    from grid
)

select * from final
