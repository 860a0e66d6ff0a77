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
