-- A model of our own on a mart of the package.
select
    activity_date,
    sum(n_queries) as n_questions
from {{ ref('llm_analytics', 'user_days') }}
group by activity_date
