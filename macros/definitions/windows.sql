{# Does a moment lie within so many days from a start on, both ends included? An SQL condition. #}
{% macro is_within_days(started_at, moment, days) -%}
    (
        {{ llm_analytics.microseconds_between(started_at, moment) }} >= 0
        and {{ llm_analytics.microseconds_between(started_at, moment) }} <= {{ days }} * 86400000000
    )
{%- endmacro %}

{# Have so many days since a start passed by as_of of these streams? NULL where nothing is known. #}
{% macro is_past_window(started_at, days, streams) -%}
    (
        {{ llm_analytics.microseconds_between(started_at, llm_analytics.as_of(streams)) }}
        >= {{ days }} * 86400000000
    )
{%- endmacro %}
