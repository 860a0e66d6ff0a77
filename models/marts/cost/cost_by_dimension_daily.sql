-- One row per reporting date, dimension and value of it. Calls are dated by the call, interactions
-- by their query; each dimension by itself adds up to all of them.
{% set dimensions = ['feature', 'prompt_version', 'platform', 'plan', 'country', 'cohort_month'] %}
{% set counts = [
    'n_calls', 'n_unpriced_calls', 'input_tokens', 'output_tokens', 'n_interactions',
    'n_priced_interactions',
] %}
{% set money = ['cost_usd', 'priced_interaction_cost_usd'] %}

with

calls as (
    select * from {{ ref('int_calls') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

-- A call belongs to the feature of its query where it names none itself.
parts as (
    select
        calls.response_date as date_day,
        calls.user_id,
        coalesce(calls.feature, interactions.feature) as feature,
        calls.prompt_name || coalesce(':' || calls.prompt_version, '') as prompt_version,
        calls.platform,
        count(*) as n_calls,
        {{ llm_analytics.count_if('calls.cost_usd is null') }} as n_unpriced_calls,
        sum(calls.input_tokens) as input_tokens,
        sum(calls.output_tokens) as output_tokens,
        0 as n_interactions,
        0 as n_priced_interactions,
        sum(calls.cost_usd) as cost_usd,
        cast(null as decimal(38, 12)) as priced_interaction_cost_usd
    from calls
    left join interactions
        on calls.interaction_id = interactions.interaction_id
    group by
        calls.response_date,
        calls.user_id,
        coalesce(calls.feature, interactions.feature),
        calls.prompt_name || coalesce(':' || calls.prompt_version, ''),
        calls.platform
    union all
    select
        interaction_date as date_day,
        user_id,
        feature,
        prompt_name || coalesce(':' || prompt_version, '') as prompt_version,
        platform,
        0 as n_calls,
        0 as n_unpriced_calls,
        null as input_tokens,
        null as output_tokens,
        count(*) as n_interactions,
        count(cost_usd) as n_priced_interactions,
        cast(null as decimal(38, 12)) as cost_usd,
        sum(cost_usd) as priced_interaction_cost_usd
    from interactions
    group by
        interaction_date, user_id, feature,
        prompt_name || coalesce(':' || prompt_version, ''), platform
),

described as (
    select
        parts.date_day,
        parts.feature,
        parts.prompt_version,
        parts.platform,
        users.plan,
        users.country,
        left(cast(users.cohort_date as {{ dbt.type_string() }}), 7) as cohort_month,
        parts.{{ (counts + money) | join(',\n        parts.') }}
    from parts
    left join users
        on parts.user_id = users.user_id
),

cut as (
    {% for dimension in dimensions -%}
    select
        date_day,
        '{{ dimension }}' as dimension,
        {{ dimension }} as value,
        {{ (counts + money) | join(',\n        ') }}
    from described
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        date_day,
        dimension,
        value,
        {% for column in counts -%}
        {{ llm_analytics.sum_integer(column) }} as {{ column }},
        {% endfor -%}
        {% for column in money -%}
        {{ llm_analytics.sum_usd(column) }} as {{ column }},
        {% endfor -%}
        {{ llm_analytics.ratio('sum(priced_interaction_cost_usd)', 'sum(n_priced_interactions)') }}
            as cost_per_interaction_usd
    from cut
    group by date_day, dimension, value
)

select * from final
