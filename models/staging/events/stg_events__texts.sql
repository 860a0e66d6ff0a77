-- One row per landed content of an event whose text the policy kept. Only transcripts read it.
{% set texts = {
    'queries': 'query_text',
    'responses': 'response_text',
    'feedback': 'feedback_text',
} %}

with

{% for stream, column in texts.items() -%}
{{ stream }} as (
    {{ llm_analytics.landed(source('raw', 'events_' ~ stream), {
        'event_id': dbt.type_string(),
        'event_version': dbt.type_bigint(),
        column: dbt.type_string(),
    }) }}
),

{% endfor -%}
final as (
    {% for stream, column in texts.items() -%}
    select
        '{{ stream }}' as stream,
        event_id,
        event_version,
        {{ column }} as kept_text
    from {{ stream }}
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
