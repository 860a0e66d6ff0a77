{# Has a reporting date ended by as_of? At the very midnight that ends it, it has. #}
{% macro is_elapsed(date, streams=['queries']) %}
    {{ return(adapter.dispatch('is_elapsed', 'llm_analytics')(date, streams)) }}
{% endmacro %}

{% macro default__is_elapsed(date, streams) -%}
    coalesce(
        {{ llm_analytics.start_of_reporting_date(llm_analytics.add_days(date, 1)) }}
        <= {{ llm_analytics.as_of(streams) }},
        false
    )
{%- endmacro %}
