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

totals as (
    select
        {% for column, sum in llm_analytics.conversation_sums().items() -%}
        {{ sum }} as {{ column }},
        {% endfor -%}
        {{ llm_analytics.quantile('depth', 0.5) }} as depth_p50,
        {{ llm_analytics.quantile('depth', 0.9) }} as depth_p90,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries,
        date_day
    from rated
    group by date_day
),

final as (
    select
        date_day,
        n_conversations,

        -- depth
        n_closed,
        depth,
        {{ llm_analytics.ratio('depth', 'n_closed') }} as depth_mean,
        depth_p50,
        depth_p90,
        n_queries,
        {{ llm_analytics.ratio('n_queries', 'n_closed') }} as messages_per_conversation,

        -- restarts
        n_restart_mature,
        n_restarted,
        {{ llm_analytics.ratio('n_restarted', 'n_restart_mature') }} as restart_rate
    from totals
)

select * from final
