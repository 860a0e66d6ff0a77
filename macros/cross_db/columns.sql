{# Columns of a relation, one per line. #}
{% macro columns_of(relation, columns) -%}
    {%- for column in columns %}{{ relation }}.{{ column }}{{ ',\n        ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Condition of a join: the columns of both relations are equal. #}
{% macro equal_columns(a, b, columns) -%}
    {%- for column in columns -%}
    {{ '\n        and ' if not loop.first }}{{ a }}.{{ column }} = {{ b }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{# The values of a query's only column, asked while dbt runs. #}
{% macro values_of(query) %}
    {{- return(run_query(query).columns[0].values() | list) -}}
{% endmacro %}
