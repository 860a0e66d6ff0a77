{# For us a filtered answer is an answer too. #}
{% macro default__is_success(status, error_type) %}
    (coalesce({{ status }}, 'success') in ('success', 'filtered'))
{% endmacro %}
