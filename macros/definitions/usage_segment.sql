{# How intensely somebody uses the product, by the active days of 28: power, regular, occasional. #}
{% macro usage_segment(n_active_days) %}
    {{ return(adapter.dispatch('usage_segment', 'llm_analytics')(n_active_days)) }}
{% endmacro %}

{% macro default__usage_segment(n_active_days) %}
    case
        when {{ n_active_days }} >= {{ llm_analytics.setting('power_user_days') }} then 'power'
        when {{ n_active_days }} >= {{ llm_analytics.setting('regular_user_days') }} then 'regular'
        else 'occasional'
    end
{% endmacro %}
