-- A pitfall: taking engagement for success. Do longer sessions reach their goal more often? Where
-- they do not, more messages are no aim.
with

sessions as (
    select
        is_completed,
        case
            when n_queries = 1 then '1'
            when n_queries <= 3 then '2 to 3'
            when n_queries <= 6 then '4 to 6'
            when n_queries <= 12 then '7 to 12'
            else 'more'
        end as queries,
        n_queries
    from {{ ref('fct_sessions') }}
    where
        is_closed
        and not is_oversized
        and n_queries > 0
        and is_completed is not null
)

select
    queries,
    count(*) as n_known_outcomes,
    {{ llm_analytics.count_if('is_completed') }} as n_completed,
    {{ llm_analytics.ratio(llm_analytics.count_if('is_completed'), 'count(*)') }}
        as completion_rate
from sessions
group by queries
order by min(n_queries)
