{#
    Does the pause between two adjacent activity events of a user end the session? Exactly the
    gap does not.
#}
{% macro is_new_session(previous_at, current_at) %}
    {{ return(adapter.dispatch('is_new_session', 'llm_analytics')(previous_at, current_at)) }}
{% endmacro %}

{% macro default__is_new_session(previous_at, current_at) %}
    (
        {{ previous_at }} is null
        or {{ llm_analytics.microseconds_between(previous_at, current_at) }}
        > {{ llm_analytics.session_gap_microseconds() }}
    )
{% endmacro %}

{# The longest pause inside a session. #}
{% macro session_gap_microseconds() %}
    {{ return(llm_analytics.setting('session_gap_minutes') * 60000000) }}
{% endmacro %}
