{#
    The one order of events: when, the sender's sequence, query before response before feedback,
    id.
#}
{% macro event_order(
    occurred_at='occurred_at',
    sequence_number='sequence_number',
    stream_rank=none,
    event_id='event_id'
) %}
    {{- occurred_at }}, coalesce({{ sequence_number }}, 0),
    {%- if stream_rank %} {{ stream_rank }},{% endif %} {{ llm_analytics.text_order(event_id) -}}
{% endmacro %}
