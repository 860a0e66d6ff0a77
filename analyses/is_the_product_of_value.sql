-- Is the LLM providing value? By the days since their first query: the share of users who had
-- reached a goal (Kaplan-Meier, so that new users count as far as they are followed), and the share
-- who came back on that day.
with

steps as (
    select
        day_number,
        sum(n_at_risk) as n_at_risk,
        sum(n_reached) as n_reached
    from {{ ref('time_to_value_by_day') }}
    group by day_number
),

-- A product over days is a sum of logarithms; on the day when all who are left reach a goal, 0.
without_goal as (
    select
        day_number,
        sum(ln({{ llm_analytics.ratio('n_at_risk - n_reached', 'n_at_risk') }})) over (
            order by day_number
        ) as log_share
    from steps
    where n_reached < n_at_risk
),

returns as (
    select
        day_number,
        sum(n_eligible) as n_eligible,
        sum(n_retained) as n_retained
    from {{ ref('retention_by_cohort') }}
    group by day_number
),

reached as (
    select
        returns.day_number,
        min(without_goal.log_share) as log_share
    from returns
    left join without_goal
        on returns.day_number >= without_goal.day_number
    group by returns.day_number
)

select
    returns.day_number,
    1 - exp(reached.log_share) as share_with_goal,
    returns.n_eligible,
    returns.n_retained,
    {{ llm_analytics.ratio('returns.n_retained', 'returns.n_eligible') }} as retention_rate
from returns
inner join reached
    on returns.day_number = reached.day_number
where returns.day_number in (0, 1, 3, 7, 14, 30)
order by returns.day_number
