{# Does a conversation that starts then restart one that ended within (0, window] before? #}
{% macro is_restart(ended_at, started_at) %}
    {{ return(adapter.dispatch('is_restart', 'llm_analytics')(ended_at, started_at)) }}
{% endmacro %}

{% macro default__is_restart(ended_at, started_at) -%}
    (
        {{ llm_analytics.microseconds_between(ended_at, started_at) }} > 0
        and {{ llm_analytics.microseconds_between(ended_at, started_at) }}
        <= {{ llm_analytics.setting('restart_window_minutes') }} * 60000000
    )
{%- endmacro %}

{# Has the whole window for a restart passed by as_of? #}
{% macro is_restart_mature(ended_at) %}
    {{ return(adapter.dispatch('is_restart_mature', 'llm_analytics')(ended_at)) }}
{% endmacro %}

{% macro default__is_restart_mature(ended_at) -%}
    (
        {{ llm_analytics.microseconds_between(ended_at, llm_analytics.as_of(['queries'])) }}
        >= {{ llm_analytics.setting('restart_window_minutes') }} * 60000000
    )
{%- endmacro %}
