{#
    "Now" of a metric that needs these streams: how far the one reaches that lags most. A stream
    that was never loaded does not count. A scalar; NULL before any event.
#}
{% macro as_of(streams) %}
    {{ return(adapter.dispatch('as_of', 'llm_analytics')(streams)) }}
{% endmacro %}

{% macro default__as_of(streams) -%}
    (select min(as_of) from {{ ref('int_as_of') }} where stream in ('{{ streams | join("', '") }}'))
{%- endmacro %}
