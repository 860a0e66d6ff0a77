-- A pitfall: not knowing what usage costs. Which calls bought nothing that stayed, and why, the
-- costliest reason first.
with

reasons as (
    select
        reason,
        sum(n_calls) as n_calls,
        sum(cost_usd) as cost_usd
    from {{ ref('cost_waste_daily') }}
    group by reason
),

spent as (
    select sum(cost_usd) as cost_usd
    from reasons
)

select
    reasons.reason,
    reasons.n_calls,
    reasons.cost_usd,
    {{ llm_analytics.ratio('reasons.cost_usd', 'spent.cost_usd') }} as share_of_cost
from reasons
cross join spent
where reasons.reason <> 'useful'
order by coalesce(reasons.cost_usd, 0) desc
