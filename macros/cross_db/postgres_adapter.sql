{#
    What dbt-postgres does otherwise than this project needs.
#}

{#
    A table from a query: the parts that are read often are written down first, and counted.
    PostgreSQL cannot know how many rows a CTE has; guesses that grow from one to the next end in
    joins that ask for each row anew, in time that grows with the square of the rows.
#}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- set written = namespace(query=sql, tables=[]) -%}
    {%- if model.resource_type == 'model' -%}
        {%- do llm_analytics.write_ctes_down(written, llm_analytics.counted_table) -%}
    {%- endif -%}
    {{- dbt.postgres__create_table_as(temporary, relation, written.query) -}}
{%- endmacro %}

{# It goes with the transaction. #}
{% macro counted_table(table, query) %}
    {%- set table = table.include(database=false, schema=false) -%}
    {%- do run_query(
        'create temporary table ' ~ table ~ ' on commit drop as ' ~ query ~ '; analyze ' ~ table
    ) -%}
    {{- return(table) -}}
{% endmacro %}

{#
    What follows a model: PostgreSQL counts what is in its table before others are planned that read
    it, which it would do by itself a minute later.
#}
{% macro count_rows() %}
    {{- return(adapter.dispatch('count_rows', 'llm_analytics')()) -}}
{% endmacro %}

{% macro default__count_rows() -%}
{%- endmacro %}

{% macro postgres__count_rows() -%}
    {{ 'analyze ' ~ this if model.config.materialized != 'view' }}
{%- endmacro %}
