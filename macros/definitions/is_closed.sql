{#
    Can nothing more join what was last active then? Its gap must have passed by as_of, and
    exactly the gap has not.
#}
{% macro is_closed(last_activity_at, streams=['queries']) %}
    {{ return(adapter.dispatch('is_closed', 'llm_analytics')(last_activity_at, streams)) }}
{% endmacro %}

{% macro default__is_closed(last_activity_at, streams) -%}
    coalesce(
        {{ llm_analytics.microseconds_between(last_activity_at, llm_analytics.as_of(streams)) }}
        > {{ llm_analytics.session_gap_microseconds() }},
        false
    )
{%- endmacro %}
