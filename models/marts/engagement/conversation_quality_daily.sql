-- One row per reporting date on which conversations start. Rates are of closed conversations.
with

conversations as (
    select * from {{ ref('fct_conversations') }}
),

restarted as (
    {{ llm_analytics.restarted_conversations('conversations') }}
),

rated as (
    {{ llm_analytics.rated_conversations('conversations', 'restarted') }}
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
