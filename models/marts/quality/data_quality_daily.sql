-- One row per reporting date and stream: how much arrived, and how much of it is defective.
-- Excluded users are counted here: quality is about all that was sent. Of what is withheld for want
-- of consent nothing but its number is kept.
{% set checks = [
    'n_conflicts', 'n_without_user', 'n_orphans', 'n_negative_latency', 'n_negative_client_latency',
    'n_negative_time_to_first_token', 'n_unpriced', 'n_unknown_model',
] %}
{% set no_count = 'cast(null as ' ~ dbt.type_bigint() ~ ')' %}
{% set has_conflict = llm_analytics.count_if('has_conflict') %}
{% set has_no_user = llm_analytics.count_if('coalesce(user_id, anonymous_id) is null') %}
{% set sent_by_users = {'n_conflicts': has_conflict, 'n_without_user': has_no_user} %}
{% set withheld_queries = llm_analytics.withheld_ids('queries') %}
{% set streams = {
    'queries': [
        'int_queries',
        'not is_implied' ~ (' and event_id not in ' ~ withheld_queries if withheld_queries else ''),
        sent_by_users,
    ],
    'responses': ['int_response_matches', 'is_current', {
        'n_conflicts': has_conflict,
        'n_without_user': llm_analytics.count_if('resolved_user_id is null'),
        'n_orphans': llm_analytics.count_if("match_rule = 'orphan'"),
        'n_negative_latency': llm_analytics.count_if('latency_ms < 0'),
        'n_negative_client_latency': llm_analytics.count_if('client_latency_ms < 0'),
        'n_negative_time_to_first_token': llm_analytics.count_if('time_to_first_token_ms < 0'),
        'n_unpriced': llm_analytics.count_if('cost_usd is null'),
        'n_unknown_model': llm_analytics.count_if('priced_model is null'),
    }],
    'feedback': ['int_feedback_matches', 'is_current', {
        'n_conflicts': has_conflict,
        'n_without_user': llm_analytics.count_if('resolved_user_id is null'),
        'n_orphans': llm_analytics.count_if("match_rule = 'orphan'"),
    }],
    'product_events': ['int_product_events', 'true', sent_by_users],
    'exposures': ['int_exposures', 'true', {
        'n_conflicts': has_conflict,
        'n_without_user': llm_analytics.count_if(
            'coalesce(unit_id, user_id, anonymous_id) is null'
        ),
    }],
    'evaluations': ['int_evaluations', 'true', {'n_conflicts': has_conflict}],
} %}

with

{% for stream, source in streams.items() -%}
{{ stream }} as (
    select
        {{ llm_analytics.reporting_date('occurred_at') }} as date_day,
        '{{ stream }}' as stream,
        {% for check in checks -%}
        {{ source[2].get(check, no_count) }} as {{ check }},
        {% endfor -%}
        count(*) as n_events
    from {{ ref(source[0]) }}
    where {{ source[1] }}
    group by {{ llm_analytics.reporting_date('occurred_at') }}
),

{% endfor -%}
withheld as (
    select
        {{ llm_analytics.reporting_date('occurred_at') }} as date_day,
        stream,
        count(*) as n_withheld
    from {{ ref('int_withheld_events') }}
    where
        is_withheld
        and stream <> 'user_traits'
    group by {{ llm_analytics.reporting_date('occurred_at') }}, stream
),

counted as (
    {% for stream in streams -%}
    select
        date_day,
        stream,
        n_events,
        {% for check in checks -%}
        {{ check }},
        {% endfor -%}
        0 as n_withheld
    from {{ stream }}
    union all
    {% endfor -%}
    select
        date_day,
        stream,
        0 as n_events,
        {% for check in checks -%}
        {% set checked = [] -%}
        {% for stream, source in streams.items() if check in source[2] -%}
        {% do checked.append("'" ~ stream ~ "'") -%}
        {% endfor -%}
        case when stream in ({{ checked | join(', ') }}) then 0 end as {{ check }},
        {% endfor -%}
        n_withheld
    from withheld
),

final as (
    select
        date_day,
        stream,
        {{ llm_analytics.sum_integer('n_events') }} as n_events,
        {% for check in checks -%}
        {{ llm_analytics.sum_integer(check) }} as {{ check }},
        {% endfor -%}
        {{ llm_analytics.sum_integer('n_withheld') }} as n_withheld
    from counted
    group by date_day, stream
)

select * from final
