-- One row per reporting date on which conversations start. Rates are of closed conversations.
with

conversations as (
    select * from {{ ref('fct_conversations') }}
),

-- The starter opens another conversation right after the end of this one.
restarted as (
    select distinct
        conversations.source,
        conversations.conversation_id
    from conversations
    inner join conversations as later
        on
            conversations.user_id = later.user_id
            and {{ llm_analytics.is_restart('conversations.ended_at', 'later.started_at') }}
),

rated as (
    select
        conversations.conversation_date as date_day,
        conversations.is_closed,
        case when conversations.is_closed then conversations.depth end as depth,
        case when conversations.is_closed then conversations.n_queries end as n_queries,
        conversations.is_closed
        and conversations.user_id is not null
        and {{ llm_analytics.is_restart_mature('conversations.ended_at') }} as is_restart_mature,
        restarted.conversation_id is not null as is_restarted
    from conversations
    left join restarted
        on
            conversations.source = restarted.source
            and conversations.conversation_id = restarted.conversation_id
),

final as (
    select
        date_day,
        count(*) as n_conversations,

        -- depth
        {{ llm_analytics.count_if('is_closed') }} as n_closed,
        {{ llm_analytics.sum_integer('depth') }} as depth,
        {{ llm_analytics.ratio('sum(depth)', 'count(depth)') }} as depth_mean,
        {{ llm_analytics.quantile('depth', 0.5) }} as depth_p50,
        {{ llm_analytics.quantile('depth', 0.9) }} as depth_p90,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries,
        {{ llm_analytics.ratio('sum(n_queries)', 'count(n_queries)') }}
            as messages_per_conversation,

        -- restarts
        {{ llm_analytics.count_if('is_restart_mature') }} as n_restart_mature,
        {{ llm_analytics.count_if('is_restart_mature and is_restarted') }} as n_restarted,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('is_restart_mature and is_restarted'),
            llm_analytics.count_if('is_restart_mature'),
        ) }} as restart_rate
    from rated
    group by date_day
)

select * from final
