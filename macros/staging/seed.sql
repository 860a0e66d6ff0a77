{#
    A seed of this package, or the model or seed that var llm_analytics_<name>_from puts in its
    place.
#}
{% macro seed(name) %}
    {{ return(ref(var('llm_analytics_' ~ name ~ '_from', name))) }}
{% endmacro %}
