{# Is a session too long to be one person at work? It is kept and left out of rates. #}
{% macro is_oversized(started_at, ended_at) %}
    {{ return(adapter.dispatch('is_oversized', 'llm_analytics')(started_at, ended_at)) }}
{% endmacro %}

{% macro default__is_oversized(started_at, ended_at) -%}
    (
        {{ llm_analytics.microseconds_between(started_at, ended_at) }}
        > {{ llm_analytics.setting('oversized_session_hours') }} * 3600000000
    )
{%- endmacro %}
