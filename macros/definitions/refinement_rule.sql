{#
    Which rule makes a query a refinement of the one before it in its conversation: kind, label,
    similarity, or NULL.
#}
{% macro refinement_rule(query_kind, is_clarification, previous_at, current_at, is_similar) %}
    {{ return(adapter.dispatch('refinement_rule', 'llm_analytics')(
        query_kind, is_clarification, previous_at, current_at, is_similar
    )) }}
{% endmacro %}

{% macro default__refinement_rule(
    query_kind, is_clarification, previous_at, current_at, is_similar
) %}
    case
        when {{ query_kind }} in ('regenerate', 'edit') then 'kind'
        when {{ is_clarification }} then 'label'
        when
            {{ llm_analytics.microseconds_between(previous_at, current_at) }}
            <= {{ llm_analytics.setting('refinement_window_minutes') * 60000000 }}
            and {{ is_similar }}
            then 'similarity'
    end
{% endmacro %}
