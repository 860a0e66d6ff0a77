{# A seed of this package, or the relation that var llm_analytics_<name>_from puts in its place: {schema, identifier} or the name of a model or seed. #}
{% macro seed(name) %}
    {{ return(ref(var('llm_analytics_' ~ name ~ '_from', name))) }}
{% endmacro %}
