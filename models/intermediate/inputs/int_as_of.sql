-- One row per stream: how far its events reach. What "now" means for maturity, without a clock.
{% set streams = {
    'queries': ref('int_queries'),
    'responses': ref('int_responses'),
    'feedback': ref('int_feedback'),
    'product_events': ref('int_product_events'),
    'exposures': ref('int_exposures'),
    'evaluations': ref('int_evaluations'),
} %}
{% set later = llm_analytics.setting('as_of') %}

with

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

newest as (
    {% for stream, relation in streams.items() %}
    select
        '{{ stream }}' as stream,
        max(occurred_at) as occurred_at
    from {{ relation }}
    {{ 'where is_withdrawn is not true' if stream in ['queries', 'responses'] }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Never later than the newest load: a skewed clock must not make windows look finished.
capped as (
    select
        newest.stream,
        newest.occurred_at as newest_at,
        case
            when newest.occurred_at > horizon.loaded_at then horizon.loaded_at
            else newest.occurred_at
        end as as_of
    from newest
    cross join horizon
),

final as (
    select
        stream,
        newest_at,
        {% if later -%}
        case
            when as_of < cast('{{ later }}' as {{ dbt.type_timestamp() }})
                then cast('{{ later }}' as {{ dbt.type_timestamp() }})
            else as_of
        end as as_of
        {%- else -%}
        as_of
        {%- endif %}
    from capped
)

select * from final
