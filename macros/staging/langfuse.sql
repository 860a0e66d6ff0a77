{# Is this Langfuse's own work, as its judging of answers? Never NULL. #}
{% macro is_langfuse_internal(environment) -%}
    coalesce({{ environment }} like 'langfuse-%', false)
{%- endmacro %}
