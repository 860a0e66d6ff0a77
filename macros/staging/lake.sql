{#
    For `dbt run-operation mount_lake`: makes the raw tables views over the files of the lake that
    LLM_ANALYTICS_LAKE names. Rows count once the log has their load.
#}
{% macro mount_lake() %}
    {%- set lake = env_var('LLM_ANALYTICS_LAKE', '').rstrip('/') -%}
    {%- if not lake -%}
        {{ exceptions.raise_compiler_error('LLM_ANALYTICS_LAKE names no lake') }}
    {%- endif -%}
    {%- if execute -%}
        {%- set schema = var('llm_analytics_raw_schema', 'raw') -%}
        {%- do run_query('create schema if not exists ' ~ schema) -%}
        {%- set log = llm_analytics.lake_files(lake ~ '/raw/loads') -%}
        {%- set tables = ['loads'] -%}
        {%- for listed in llm_analytics.values_of('select distinct tables from ' ~ log) -%}
            {%- do tables.extend(listed.split(',') if listed else []) -%}
        {%- endfor -%}
        {%- for table in tables | unique | sort -%}
            {%- set found = adapter.get_relation(target.database | default(none), schema, table) -%}
            {%- if found is not none and not found.is_view -%}
                {{ exceptions.raise_compiler_error(
                    schema ~ '.' ~ table ~ ' is a table: this warehouse has loads of its own. Take'
                    ~ ' another for the lake, or unset LLM_ANALYTICS_LAKE'
                ) }}
            {%- endif -%}
            {%- do run_query(
                'create or replace view ' ~ schema ~ '.' ~ table ~ ' as select * from '
                ~ llm_analytics.lake_files(lake ~ '/raw/' ~ table)
                ~ ' where load_id in (select load_id from ' ~ log ~ ')'
            ) -%}
        {%- endfor -%}
        {%- do adapter.commit() -%}
    {%- endif -%}
{% endmacro %}

{# The rows of all files below a folder of a lake, whichever columns each file has. #}
{% macro lake_files(folder) %}
    {{ return(adapter.dispatch('lake_files', 'llm_analytics')(folder)) }}
{% endmacro %}

{% macro default__lake_files(folder) -%}
    {{ exceptions.raise_compiler_error(
        'DuckDB and Spark read a lake, ' ~ target.type ~ ' does not: unset LLM_ANALYTICS_LAKE'
    ) }}
{%- endmacro %}

{% macro duckdb__lake_files(folder) -%}
    read_parquet('{{ folder | replace("'", "''") }}/**/*.parquet', union_by_name = true,
        hive_partitioning = true, hive_types_autocast = false)
{%- endmacro %}

{# (The profile asks for spark.sql.parquet.mergeSchema.) #}
{% macro spark__lake_files(folder) -%}
    parquet.`{{ folder }}`
{%- endmacro %}
