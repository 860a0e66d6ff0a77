{# Is a logged cost the computed one, but for rounding: a millionth of a dollar, or the tolerance? #}
{% macro is_same_cost(logged, computed) %}
    {{ return(adapter.dispatch('is_same_cost', 'llm_analytics')(logged, computed)) }}
{% endmacro %}

{% macro default__is_same_cost(logged, computed) -%}
    (
        abs({{ logged }} - ({{ computed }})) <= greatest(
            0.000001, {{ llm_analytics.setting('logged_cost_tolerance') }} * abs({{ computed }})
        )
    )
{%- endmacro %}
