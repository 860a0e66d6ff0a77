{# Order text by its bytes on every engine: a collation would give each host its own order. #}
{% macro text_order(column) %}
    {{ return(adapter.dispatch('text_order', 'llm_analytics')(column)) }}
{% endmacro %}

{% macro default__text_order(column) -%}
    {{ column }}
{%- endmacro %}

{% macro postgres__text_order(column) -%}
    {{ column }} collate "C"
{%- endmacro %}

{# md5 over columns, with NULLs told from empty strings and neighbours kept apart. #}
{% macro surrogate_key(columns) -%}
    md5(
        {%- for column in columns %}
        coalesce(replace(cast({{ column }} as {{ dbt.type_string() }}), '|', '||'), '|-')
        {%- if not loop.last %} || '|,' ||{% endif %}
        {%- endfor %}
    )
{%- endmacro %}
