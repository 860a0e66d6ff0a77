{# Does the next query come within the follow-up window of a moment, exactly at its end included? #}
{% macro is_followed(moment, next_asked_at) %}
    {{ return(adapter.dispatch('is_followed', 'llm_analytics')(moment, next_asked_at)) }}
{% endmacro %}

{% macro default__is_followed(moment, next_asked_at) -%}
    (
        {{ llm_analytics.microseconds_between(moment, next_asked_at) }}
        <= {{ llm_analytics.setting('follow_up_minutes') }} * 60000000
    )
{%- endmacro %}
