{# How an interaction left its user: unanswered > error > negative_feedback > slow > normal. #}
{% macro end_state(n_attempts, is_answered, thumbs, latency_ms) %}
    {{ return(adapter.dispatch('end_state', 'llm_analytics')(
        n_attempts, is_answered, thumbs, latency_ms
    )) }}
{% endmacro %}

{% macro default__end_state(n_attempts, is_answered, thumbs, latency_ms) %}
    case
        when {{ n_attempts }} = 0 then 'unanswered'
        when not {{ is_answered }} then 'error'
        when {{ thumbs }} = 'down' then 'negative_feedback'
        when {{ latency_ms }} > {{ llm_analytics.setting('slow_answer_ms') }} then 'slow'
        else 'normal'
    end
{% endmacro %}
