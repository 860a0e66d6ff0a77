-- One row per id that several records of a stream carry: only those must be ranked, and they are
-- few. The row without an id says up to which load this was done for all streams.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='record_key') }}

{% set streams = [
    'queries', 'responses', 'feedback', 'product_events', 'exposures', 'evaluations',
] %}
{{ llm_analytics.refuse_unread_sources(streams + ['spans']) }}

with

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

{% for stream in streams %}
{{ stream }} as (
    select
        event_id,
        load_seq
    from {{ ref('int_' ~ stream ~ '__unioned') }}
    where load_seq <= (select horizon.load_seq from horizon)
),

{% if is_incremental() -%}
unread_{{ stream }} as {{ llm_analytics.planned_once() }} (
    select event_id
    from {{ stream }}
    where {{ llm_analytics.is_unread(
        'load_seq', read_to='(select horizon.load_seq from horizon)'
    ) }}
),

{% endif -%}
repeated_{{ stream }} as (
    select event_id
    from {{ stream }}
    {%- if is_incremental() %}
    where event_id in (select unread_{{ stream }}.event_id from unread_{{ stream }})
    {%- endif %}
    group by event_id
    having count(*) > 1
),

{% endfor -%}

final as (
    {% for stream in streams -%}
    select
        '{{ stream }}:' || repeated_{{ stream }}.event_id as record_key,
        '{{ stream }}' as stream,
        repeated_{{ stream }}.event_id,
        horizon.load_seq as loads_seen_to
    from repeated_{{ stream }}
    cross join horizon
    union all
    {% endfor -%}
    select
        'all' as record_key,
        null as stream,
        null as event_id,
        load_seq as loads_seen_to
    from horizon
)

select * from final
