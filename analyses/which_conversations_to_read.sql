-- A pitfall: figures without what people say. The conversations in which most went wrong, to be
-- read at their source: a thumb down, a complaint in words, answers asked for again.
with

remarks as (
    select
        conversation_id,
        count(*) as n_comments
    from {{ ref('fct_feedback') }}
    where
        text_length > 0
        and conversation_id is not null
    group by conversation_id
),

turns as (
    select
        conversation_id,
        source,
        count(*) as n_queries,
        {{ llm_analytics.count_if("thumbs = 'down'") }} as n_down,
        {{ llm_analytics.count_if('is_refinement') }} as n_refinements,
        {{ llm_analytics.count_if('not is_answered') }} as n_unanswered,
        max(asked_at) as last_asked_at
    from {{ ref('fct_interactions') }}
    where conversation_id is not null
    group by conversation_id, source
)

select
    turns.conversation_id,
    turns.source,
    turns.n_queries,
    turns.n_down,
    coalesce(remarks.n_comments, 0) as n_comments,
    turns.n_refinements,
    turns.n_unanswered,
    turns.last_asked_at
from turns
left join remarks
    on turns.conversation_id = remarks.conversation_id
where turns.n_down > 0
order by
    turns.n_down desc,
    coalesce(remarks.n_comments, 0) desc,
    turns.n_refinements + turns.n_unanswered desc,
    turns.conversation_id
limit 20
