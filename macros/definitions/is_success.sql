{# Did the call succeed? An unknown status is a success unless an error type is set. #}
{% macro is_success(status, error_type) %}
    {{ return(adapter.dispatch('is_success', 'llm_analytics')(status, error_type)) }}
{% endmacro %}

{% macro default__is_success(status, error_type) %}
    (
        coalesce({{ status }}, case when {{ error_type }} is null then 'success' else 'error' end)
        = 'success'
    )
{% endmacro %}
