-- One row per reporting date, provider and model. Calls are dated by the call; interactions by
-- their query, under the model that answered, so that models add up.
{% set tokens = [
    'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens', 'reasoning_tokens',
    'total_tokens',
] %}
{% set money = ['cost_usd', 'cost_low_usd', 'cost_high_usd', 'tool_cost_usd', 'logged_cost_usd'] %}
{% set counts = [
    'n_calls', 'n_unpriced_calls', 'n_orphan_calls', 'n_interactions', 'n_priced_interactions',
] %}

with

calls as (
    select * from {{ ref('int_calls') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

parts as (
    select
        response_date as date_day,
        provider,
        model,
        count(*) as n_calls,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_unpriced_calls,
        {{ llm_analytics.count_if('interaction_id is null') }} as n_orphan_calls,
        0 as n_interactions,
        0 as n_priced_interactions,
        {% for column in tokens -%}
        {{ llm_analytics.sum_integer(column) }} as {{ column }},
        {% endfor -%}
        {% for column in money -%}
        {{ llm_analytics.sum_usd(column) }} as {{ column }},
        {% endfor -%}
        cast(null as decimal(38, 12)) as priced_interaction_cost_usd
    from calls
    group by response_date, provider, model
    union all
    select
        interaction_date as date_day,
        provider,
        model,
        0 as n_calls,
        0 as n_unpriced_calls,
        0 as n_orphan_calls,
        count(*) as n_interactions,
        count(cost_usd) as n_priced_interactions,
        {% for column in tokens -%}
        null as {{ column }},
        {% endfor -%}
        {% for column in money -%}
        null as {{ column }},
        {% endfor -%}
        {{ llm_analytics.sum_usd('cost_usd') }} as priced_interaction_cost_usd
    from interactions
    group by interaction_date, provider, model
),

final as (
    select
        date_day,
        provider,
        model,
        {% for column in counts + tokens -%}
        {{ llm_analytics.sum_integer(column) }} as {{ column }},
        {% endfor -%}
        {% for column in money + ['priced_interaction_cost_usd'] -%}
        {{ llm_analytics.sum_usd(column) }} as {{ column }},
        {% endfor -%}
        {{ llm_analytics.ratio('sum(priced_interaction_cost_usd)', 'sum(n_priced_interactions)') }}
            as cost_per_interaction_usd
    from parts
    group by date_day, provider, model
)

select * from final
