-- One row per reason: every call there is, by what becomes of it. The rows add up to all calls.
{% set tokens = [
    'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens', 'reasoning_tokens',
] %}

with

response_matches as (
    select * from {{ ref('int_response_matches') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

explained as (
    select
        case
            when response_matches.duplicate_of is not null then 'suppressed'
            when excluded_users.user_id is not null then 'excluded'
            when response_matches.interaction_id is null then 'orphan'
            else 'mart'
        end as reason,
        {% for column in tokens -%}
        response_matches.{{ column }},
        {% endfor -%}
        response_matches.cost_usd
    from response_matches
    left join excluded_users
        on response_matches.resolved_user_id = excluded_users.user_id
    where
        response_matches.is_current
        or response_matches.duplicate_of is not null
),

final as (
    select
        reason,
        count(*) as n_calls,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_unpriced_calls,
        {% for column in tokens -%}
        {{ llm_analytics.sum_integer(column) }} as {{ column }},
        {% endfor -%}
        {{ llm_analytics.sum_usd('cost_usd') }} as cost_usd
    from explained
    group by reason
)

select * from final
