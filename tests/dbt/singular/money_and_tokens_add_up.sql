-- What the cost marts hold equals what the calls hold, to the last digit: by day in cost_daily, by
-- reason in the bridge, and by interaction where all calls of an interaction are priced.
{% set amounts = [
    'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens', 'reasoning_tokens', 'cost_usd',
] %}

with

calls as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('int_response_matches') }}
    where is_current
),

bridge as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('cost_bridge') }}
),

counted_in_bridge as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('cost_bridge') }}
    where reason <> 'excluded'
),

days as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('cost_daily') }}
),

responses as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('fct_responses') }}
),

interactions_by_day as (
    select coalesce(sum(priced_interaction_cost_usd), 0) as cost_usd
    from {{ ref('cost_daily') }}
),

interactions as (
    select coalesce(sum(cost_usd), 0) as cost_usd
    from {{ ref('fct_interactions') }}
)

{% for amount in amounts -%}
select '{{ amount }}' as what
from calls
cross join bridge
cross join counted_in_bridge
cross join days
cross join responses
where
    calls.{{ amount }} <> bridge.{{ amount }}
    or counted_in_bridge.{{ amount }} <> days.{{ amount }}
    or days.{{ amount }} <> responses.{{ amount }}
union all
{% endfor -%}
select 'cost of interactions' as what
from interactions_by_day
cross join interactions
where interactions_by_day.cost_usd <> interactions.cost_usd
