-- Each metric of each date, summed over the plans, is what metrics_daily says of all users.
with

plans as (
    select
        metric,
        date_day,
        sum(coalesce(numerator, 0)) as numerator,
        sum(coalesce(denominator, 0)) as denominator,
        count(*) as n_plans,
        {{ llm_analytics.count_if('is_mature') }} as n_mature
    from {{ ref('metrics_by_plan_daily') }}
    group by metric, date_day
),

whole as (
    select
        metric,
        date_day,
        coalesce(numerator, 0) as numerator,
        coalesce(denominator, 0) as denominator,
        is_mature
    from {{ ref('metrics_daily') }}
    where dimension = 'all'
),

cut as (
    select distinct metric from plans
)

select
    coalesce(plans.metric, whole.metric) as metric,
    coalesce(plans.date_day, whole.date_day) as date_day,
    plans.numerator as numerator_of_plans,
    whole.numerator,
    plans.denominator as denominator_of_plans,
    whole.denominator
from plans
full outer join whole
    on
        plans.metric = whole.metric
        and plans.date_day = whole.date_day
left join cut
    on whole.metric = cut.metric
where
    (plans.metric is null and cut.metric is not null)
    or whole.metric is null
    or plans.numerator <> whole.numerator
    or plans.denominator <> whole.denominator
    or plans.n_mature <> case when whole.is_mature then plans.n_plans else 0 end
