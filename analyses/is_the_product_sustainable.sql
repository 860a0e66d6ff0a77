-- Is the product sustainable? What each month brings in, what models and machines cost, what is
-- left, and of how many active users.
with

costs as (
    select
        dim_dates.month_start_date,
        count(*) as n_days,
        sum(unit_costs_daily.model_cost_usd) as model_cost_usd,
        sum(unit_costs_daily.infrastructure_cost_usd) as infrastructure_cost_usd
    from {{ ref('unit_costs_daily') }} as unit_costs_daily
    inner join {{ ref('dim_dates') }} as dim_dates
        on unit_costs_daily.date_day = dim_dates.date_day
    group by dim_dates.month_start_date
)

select
    costs.month_start_date,
    costs.n_days,
    revenue.n_active_users,
    revenue.revenue_usd,
    costs.model_cost_usd,
    costs.infrastructure_cost_usd,
    coalesce(revenue.revenue_usd, 0)
    - coalesce(costs.model_cost_usd, 0)
    - coalesce(costs.infrastructure_cost_usd, 0) as left_over_usd
from costs
left join {{ ref('revenue_monthly') }} as revenue
    on costs.month_start_date = revenue.month_start_date
order by costs.month_start_date
