{#
    A query: what the rates of a session are made of. NULL stands for what a rate does not speak of.
#}
{% macro rated_sessions(sessions) %}
    select
        user_id,
        session_date as date_day,
        is_oversized,
        case when not is_oversized then duration_seconds end as duration_seconds,
        case when not is_oversized then n_messages end as n_messages,
        not is_oversized and n_queries = 1 as is_single_interaction,
        not is_oversized and is_closed as is_closed,
        case when not is_oversized and is_closed then outcome_basis end as outcome_basis,
        case when not is_oversized and is_closed then is_completed end as is_completed,
        case when not is_oversized and is_closed then n_queries end as closed_queries,
        not is_oversized and is_closed and n_queries > 0 and not coalesce(is_completed, false)
            as is_abandoned,
        not is_oversized and is_return_mature as is_return_mature,
        case when not is_oversized then is_returned end as is_returned,
        case
            when not is_oversized and is_closed and is_completed is not null then cost_usd
        end as outcome_cost_usd
    from {{ sessions }}
{%- endmacro %}

{# What is summed of rated sessions: an SQL expression by column. #}
{% macro session_sums() %}
    {{ return({
        'n_rated_sessions': 'count(duration_seconds)',
        'duration_seconds': llm_analytics.sum_integer('duration_seconds'),
        'n_messages': llm_analytics.sum_integer('n_messages'),
        'n_closed': llm_analytics.count_if('is_closed'),
        'n_known_outcomes': 'count(is_completed)',
        'n_completed': llm_analytics.count_if('is_completed'),
        'n_closed_queries': llm_analytics.sum_integer('closed_queries'),
        'n_abandoned': llm_analytics.count_if('is_abandoned'),
        'n_return_mature': llm_analytics.count_if('is_return_mature'),
        'n_returned': llm_analytics.count_if('is_returned'),
        'n_priced_completed': llm_analytics.count_if(
            'is_completed and outcome_cost_usd is not null'
        ),
        'outcome_cost_usd': llm_analytics.sum_usd('outcome_cost_usd'),
    }) }}
{% endmacro %}
