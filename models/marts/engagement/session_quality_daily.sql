-- One row per reporting date on which sessions start. Oversized ones are counted, and in no rate.
{% set bases = ['goal', 'exhaustive_goal', 'human', 'judge'] %}

with

sessions as (
    select * from {{ ref('fct_sessions') }}
),

rated as (
    {{ llm_analytics.rated_sessions('sessions') }}
),

final as (
    select
        date_day,

        -- how long and how much
        count(*) as n_sessions,
        {{ llm_analytics.count_if('is_oversized') }} as n_oversized,
        count(duration_seconds) as n_rated_sessions,
        {{ llm_analytics.count_if('is_single_interaction') }} as n_single_interaction,
        {{ llm_analytics.sum_integer('duration_seconds') }} as duration_seconds,
        {{ llm_analytics.ratio('sum(duration_seconds)', 'count(duration_seconds)') }}
            as duration_mean_seconds,
        {{ llm_analytics.quantile('duration_seconds', 0.5) }} as duration_p50_seconds,
        {{ llm_analytics.quantile('duration_seconds', 0.95) }} as duration_p95_seconds,
        {{ llm_analytics.sum_integer('n_messages') }} as n_messages,
        {{ llm_analytics.ratio('sum(n_messages)', 'count(n_messages)') }} as messages_per_session,

        -- whether the goal was reached
        {{ llm_analytics.count_if('is_closed') }} as n_closed,
        count(is_completed) as n_known_outcomes,
        {{ llm_analytics.count_if('is_completed') }} as n_completed,
        {% for basis in bases -%}
        {{ llm_analytics.count_if("outcome_basis = '" ~ basis ~ "'") }}
            as n_outcomes_by_{{ basis }},
        {% endfor -%}
        {{ llm_analytics.ratio(llm_analytics.count_if('is_completed'), 'count(is_completed)') }}
            as completion_rate,
        {{ llm_analytics.ratio('count(is_completed)', llm_analytics.count_if('is_closed')) }}
            as outcome_coverage,

        -- how often a query is the last of a session without a goal
        {{ llm_analytics.sum_integer('closed_queries') }} as n_closed_queries,
        {{ llm_analytics.count_if('is_abandoned') }} as n_abandoned,
        {{ llm_analytics.ratio(llm_analytics.count_if('is_abandoned'), 'sum(closed_queries)') }}
            as abandonment_rate,

        -- whether the user came back
        {{ llm_analytics.count_if('is_return_mature') }} as n_return_mature,
        {{ llm_analytics.count_if('is_returned') }} as n_returned,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('is_returned'), llm_analytics.count_if('is_return_mature')
        ) }} as return_rate,

        -- what a session that reached its goal costs, those that did not included
        count(outcome_cost_usd) as n_priced_outcomes,
        {{ llm_analytics.count_if('is_completed and outcome_cost_usd is not null') }}
            as n_priced_completed,
        {{ llm_analytics.sum_usd('outcome_cost_usd') }} as outcome_cost_usd,
        {{ llm_analytics.ratio(
            'sum(outcome_cost_usd)',
            llm_analytics.count_if('is_completed and outcome_cost_usd is not null'),
        ) }} as cost_per_completed_session_usd
    from rated
    group by date_day
)

select * from final
