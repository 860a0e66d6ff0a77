-- One row per user and active day: a reporting date with at least one query.
with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

query_totals as (
    select
        user_id,
        interaction_date as activity_date,
        count(*) as n_queries,
        {{ llm_analytics.count_if("kind = 'new'") }} as n_messages,
        {{ llm_analytics.count_if('is_answered') }} as n_answered,
        {{ llm_analytics.count_if('is_refinement') }} as n_refinements,
        count(distinct conversation_id) as n_conversations,
        {{ llm_analytics.sum_integer('total_tokens') }} as total_tokens,
        {{ llm_analytics.count_if('n_unpriced_calls > 0') }} as n_unpriced_interactions,
        {{ llm_analytics.sum_usd('cost_usd') }} as priced_cost_usd
    from interactions
    where user_id is not null
    group by user_id, interaction_date
),

session_totals as (
    select
        user_id,
        session_date as activity_date,
        count(*) as n_sessions
    from sessions
    group by user_id, session_date
),

final as (
    select
        query_totals.user_id,
        query_totals.activity_date,
        query_totals.n_queries,
        query_totals.n_messages,
        query_totals.n_answered,
        query_totals.n_refinements,
        query_totals.n_conversations,
        coalesce(session_totals.n_sessions, 0) as n_sessions,
        query_totals.total_tokens,
        query_totals.n_unpriced_interactions,
        query_totals.priced_cost_usd
    from query_totals
    left join session_totals
        on
            query_totals.user_id = session_totals.user_id
            and query_totals.activity_date = session_totals.activity_date
)

select * from final
