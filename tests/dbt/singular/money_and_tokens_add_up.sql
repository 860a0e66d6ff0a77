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
    where
        is_current
        or duplicate_of is not null
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
    where reason not in ('excluded', 'suppressed')
),

days as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('cost_daily') }}
),

suppressed as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('suppressed_calls') }}
),

suppressed_in_bridge as (
    select
        {% for amount in amounts -%}
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        {% endfor -%}
        count(*) as n_rows
    from {{ ref('cost_bridge') }}
    where reason = 'suppressed'
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
cross join suppressed
cross join suppressed_in_bridge
where
    calls.{{ amount }} <> bridge.{{ amount }}
    or counted_in_bridge.{{ amount }} <> days.{{ amount }}
    or days.{{ amount }} <> responses.{{ amount }}
    or suppressed.{{ amount }} <> suppressed_in_bridge.{{ amount }}
union all
{% endfor -%}
select 'cost of interactions' as what
from interactions_by_day
cross join interactions
where interactions_by_day.cost_usd <> interactions.cost_usd
