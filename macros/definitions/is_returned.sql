{# Did the user come back to a session that starts within (0, window] of the end of this one? #}
{% macro is_returned(ended_at, next_started_at) %}
    {{ return(adapter.dispatch('is_returned', 'llm_analytics')(ended_at, next_started_at)) }}
{% endmacro %}

{% macro default__is_returned(ended_at, next_started_at) -%}
    coalesce(
        {{ llm_analytics.microseconds_between(ended_at, next_started_at) }} > 0
        and {{ llm_analytics.microseconds_between(ended_at, next_started_at) }}
        <= {{ llm_analytics.setting('return_window_days') }} * 86400000000,
        false
    )
{%- endmacro %}

{# Has the whole window for coming back passed by as_of? #}
{% macro is_return_mature(ended_at) %}
    {{ return(adapter.dispatch('is_return_mature', 'llm_analytics')(ended_at)) }}
{% endmacro %}

{% macro default__is_return_mature(ended_at) -%}
    coalesce(
        {{ llm_analytics.microseconds_between(ended_at, llm_analytics.as_of(['queries'])) }}
        >= {{ llm_analytics.setting('return_window_days') }} * 86400000000,
        false
    )
{%- endmacro %}
