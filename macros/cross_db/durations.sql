{# Whole seconds from one timestamp to another, rounded down. #}
{% macro whole_seconds_between(earlier, later) -%}
    cast(floor({{ llm_analytics.microseconds_between(earlier, later) }} * 0.000001) as bigint)
{%- endmacro %}
