-- One row per conversation: its queries and what came of them, over all of its users.
with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

-- By user first: to count groups again is cheaper than to count distinct users of each group.
user_totals as (
    select
        source,
        conversation_id,
        user_id,
        min(turn_number) as first_turn_number,
        count(*) as n_queries,
        {{ llm_analytics.count_if("kind = 'new'") }} as n_messages,
        {{ llm_analytics.count_if('is_answered') }} as depth,
        {{ llm_analytics.count_if('is_refinement') }} as n_refinements,
        {{ llm_analytics.count_if('n_unpriced_calls > 0') }} as n_unpriced_interactions,
        {{ llm_analytics.sum_usd('cost_usd') }} as priced_cost_usd,
        min(asked_at) as started_at,
        max(asked_at) as last_asked_at,
        max(answered_at) as last_answered_at
    from interactions
    group by source, conversation_id, user_id
),

totals as (
    select
        source,
        conversation_id,
        min(first_turn_number) as first_turn_number,
        count(user_id) as n_users,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries,
        {{ llm_analytics.sum_integer('n_messages') }} as n_messages,
        {{ llm_analytics.sum_integer('depth') }} as depth,
        {{ llm_analytics.sum_integer('n_refinements') }} as n_refinements,
        {{ llm_analytics.sum_integer('n_unpriced_interactions') }} as n_unpriced_interactions,
        {{ llm_analytics.sum_usd('priced_cost_usd') }} as priced_cost_usd,
        min(started_at) as started_at,
        max(last_asked_at) as last_asked_at,
        max(last_answered_at) as last_answered_at
    from user_totals
    group by source, conversation_id
),

final as (
    select
        -- ids
        totals.conversation_id,
        interactions.user_id,

        -- strings
        totals.source,

        -- numerics
        totals.n_users,
        totals.n_queries,
        totals.n_messages,
        totals.depth,
        totals.n_refinements,
        totals.n_unpriced_interactions,
        cast(
            case when totals.n_unpriced_interactions = 0 then totals.priced_cost_usd end
            as decimal(38, 12)
        ) as cost_usd,

        -- booleans
        {{ llm_analytics.is_closed('totals.last_asked_at') }} as is_closed,

        -- timestamps and dates
        totals.started_at,
        greatest(totals.last_asked_at, coalesce(totals.last_answered_at, totals.last_asked_at))
            as ended_at,
        {{ llm_analytics.reporting_date('totals.started_at') }} as conversation_date
    from totals
    inner join interactions
        on
            totals.source = interactions.source
            and totals.conversation_id = interactions.conversation_id
            and totals.first_turn_number = interactions.turn_number
)

select * from final
