{# The last date of the week (a Sunday) or month that a date lies in. #}
{% macro last_date_of(period, date) %}
    {{ return(adapter.dispatch('last_date_of', 'llm_analytics')(period, date)) }}
{% endmacro %}

{% macro default__last_date_of(period, date) -%}
    {%- set start = 'cast(' ~ dbt.date_trunc(period, date) ~ ' as date)' -%}
    {%- if period == 'week' -%}
    {{ llm_analytics.add_days(start, 6) }}
    {%- else -%}
    cast({{ dbt.last_day(date, period) }} as date)
    {%- endif -%}
{%- endmacro %}
