{#
    After `as` of a CTE that is read more than once: each reader takes what it needs of it. DuckDB
    would write all of its columns down for both, which costs more where the CTE is no more than a
    choice of rows.
#}
{% macro not_materialized() %}
    {{- return(adapter.dispatch('not_materialized', 'llm_analytics')()) -}}
{% endmacro %}

{% macro default__not_materialized() -%}
{%- endmacro %}

{% macro duckdb__not_materialized() -%}
    not materialized
{%- endmacro %}

{% macro postgres__not_materialized() -%}
    not materialized
{%- endmacro %}

{#
    After `as` of a CTE that stands in a long row of them: written down once. DuckDB would look
    through all of them again for each, in time that doubles with each.
#}
{% macro materialized() -%}
    materialized
{%- endmacro %}

{#
    After `as` of a CTE that is read more than once and holds what this run touches: of a whole
    table each reader takes what it needs, while few rows are looked for once and written down.
#}
{% macro materialized_if_incremental() %}
    {%- if is_incremental() -%}
    {{ return(llm_analytics.materialized()) }}
    {%- endif -%}
    {{ return(llm_analytics.not_materialized()) }}
{% endmacro %}
