-- Are users achieving their goals? Of the sessions whose outcome is known, by how their last
-- interaction left the user: the share that reached the goal.
select
    end_state,
    count(*) as n_known_outcomes,
    {{ llm_analytics.count_if('is_completed') }} as n_completed,
    {{ llm_analytics.ratio(llm_analytics.count_if('is_completed'), 'count(*)') }}
        as completion_rate
from {{ ref('fct_sessions') }}
where
    is_closed
    and not is_oversized
    and n_queries > 0
    and is_completed is not null
group by end_state
order by completion_rate desc
