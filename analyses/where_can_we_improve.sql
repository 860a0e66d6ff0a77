-- Where can we improve? How much more often a session is over without its goal after each way in
-- which an answer fails its user than after a normal answer, and how many sessions that has cost.
with

states as (
    select * from {{ ref('abandonment_by_end_state') }}
),

normal as (
    select abandonment_rate as normal_rate
    from states
    where end_state = 'normal'
)

select
    states.end_state,
    states.n_interactions,
    states.n_abandoned,
    states.abandonment_rate,
    states.abandonment_rate - normal.normal_rate as added_rate,
    states.n_interactions * (states.abandonment_rate - normal.normal_rate) as n_sessions_lost
from states
cross join normal
where states.end_state <> 'normal'
order by added_rate desc
