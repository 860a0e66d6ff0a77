-- One row per month in which users first used a basic feature: who of them came to an advanced one
-- within 28 days.
with

feature_days as (
    select * from {{ ref('feature_days') }}
),

features as (
    select * from {{ llm_analytics.seed('features') }}
),

firsts as (
    select
        feature_days.user_id,
        min(case when not features.is_advanced then feature_days.activity_date end) as basic_date,
        min(case when features.is_advanced then feature_days.activity_date end) as advanced_date
    from feature_days
    inner join features
        on feature_days.feature = features.feature
    group by feature_days.user_id
),

flagged as (
    select
        cast({{ dbt.date_trunc('month', 'basic_date') }} as date) as month_start_date,
        {{ llm_analytics.is_elapsed(llm_analytics.add_days('basic_date', 28)) }} as is_mature,
        coalesce(
            {{ llm_analytics.days_between('basic_date', 'advanced_date') }} between 0 and 28, false
        ) as is_advanced,
        coalesce(advanced_date < basic_date, false) as is_advanced_before
    from firsts
    where basic_date is not null
),

final as (
    select
        month_start_date,
        count(*) as n_users,
        {{ llm_analytics.count_if('is_advanced_before') }} as n_advanced_before,
        {{ llm_analytics.count_if('is_mature and not is_advanced_before') }} as n_mature,
        {{ llm_analytics.count_if('is_mature and is_advanced') }} as n_advanced,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('is_mature and is_advanced'),
            llm_analytics.count_if('is_mature and not is_advanced_before'),
        ) }} as progression_rate
    from flagged
    group by month_start_date
)

select * from final
