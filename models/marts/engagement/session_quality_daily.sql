-- One row per reporting date on which sessions start. Oversized ones are counted, and in no rate.
{% set bases = ['goal', 'exhaustive_goal', 'human', 'judge'] %}

with

sessions as (
    select * from {{ ref('fct_sessions') }}
),

rated as (
    {{ llm_analytics.rated_sessions('sessions') }}
),

totals as (
    select
        {% for column, sum in llm_analytics.session_sums().items() -%}
        {{ sum }} as {{ column }},
        {% endfor -%}
        {% for basis in bases -%}
        {{ llm_analytics.count_if("outcome_basis = '" ~ basis ~ "'") }}
            as n_outcomes_by_{{ basis }},
        {% endfor -%}
        count(*) as n_sessions,
        {{ llm_analytics.count_if('is_oversized') }} as n_oversized,
        {{ llm_analytics.count_if('is_single_interaction') }} as n_single_interaction,
        {{ llm_analytics.quantile('duration_seconds', 0.5) }} as duration_p50_seconds,
        {{ llm_analytics.quantile('duration_seconds', 0.95) }} as duration_p95_seconds,
        count(outcome_cost_usd) as n_priced_outcomes,
        date_day
    from rated
    group by date_day
),

final as (
    select
        date_day,

        -- how long and how much
        n_sessions,
        n_oversized,
        n_rated_sessions,
        n_single_interaction,
        duration_seconds,
        {{ llm_analytics.ratio('duration_seconds', 'n_rated_sessions') }}
            as duration_mean_seconds,
        duration_p50_seconds,
        duration_p95_seconds,
        n_messages,
        {{ llm_analytics.ratio('n_messages', 'n_rated_sessions') }} as messages_per_session,

        -- whether the goal was reached
        n_closed,
        n_known_outcomes,
        n_completed,
        {% for basis in bases -%}
        n_outcomes_by_{{ basis }},
        {% endfor -%}
        {{ llm_analytics.ratio('n_completed', 'n_known_outcomes') }} as completion_rate,
        {{ llm_analytics.ratio('n_known_outcomes', 'n_closed') }} as outcome_coverage,

        -- how often a query is the last of a session without a goal
        n_closed_queries,
        n_abandoned,
        {{ llm_analytics.ratio('n_abandoned', 'n_closed_queries') }} as abandonment_rate,

        -- whether the user came back
        n_return_mature,
        n_returned,
        {{ llm_analytics.ratio('n_returned', 'n_return_mature') }} as return_rate,

        -- what a session that reached its goal costs, those that did not included
        n_priced_outcomes,
        n_priced_completed,
        outcome_cost_usd,
        {{ llm_analytics.ratio('outcome_cost_usd', 'n_priced_completed') }}
            as cost_per_completed_session_usd
    from totals
)

select * from final
