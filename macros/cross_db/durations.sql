{# Whole seconds from one timestamp to another, rounded down. #}
{% macro whole_seconds_between(earlier, later) -%}
    cast(floor({{ llm_analytics.microseconds_between(earlier, later) }} * 0.000001) as bigint)
{%- endmacro %}

{# Whole milliseconds from one timestamp to another, rounded down. #}
{% macro milliseconds_between(earlier, later) -%}
    cast(floor({{ llm_analytics.microseconds_between(earlier, later) }} * 0.001) as bigint)
{%- endmacro %}
