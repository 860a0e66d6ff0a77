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

{# The texts of a group in their order, with commas between them; NULL without any. #}
{% macro list_of_texts(column) %}
    {{- return(adapter.dispatch('list_of_texts', 'llm_analytics')(column)) -}}
{% endmacro %}

{% macro default__list_of_texts(column) -%}
    {{ dbt.listagg(column, "', '", 'order by ' ~ llm_analytics.text_order(column)) }}
{%- endmacro %}

{# (dbt-spark's listagg takes no order.) #}
{% macro spark__list_of_texts(column) -%}
    nullif(array_join(sort_array(collect_list({{ column }})), ', '), '')
{%- endmacro %}
