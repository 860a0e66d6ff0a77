{#
    What views read, as the warehouse has them: a dictionary of texts in which the names of what
    each reads occur. Views of staging, and of the schema of the model that asks.
#}
{% macro view_definitions(views) %}
    {{ return(adapter.dispatch('view_definitions', 'llm_analytics')(views)) }}
{% endmacro %}

{% macro default__view_definitions(views) %}
    {%- set definitions = {} -%}
    {%- for row in run_query(
        'select table_name, view_definition from information_schema.views where table_schema in ('
        ~ "'" ~ llm_analytics.staging_schema() ~ "', '" ~ this.schema ~ "')"
    ).rows -%}
        {%- do definitions.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {{ return(definitions) }}
{% endmacro %}

{# Those that are written down say in a property what they read (spark_adapter.sql). #}
{% macro spark__view_definitions(views) %}
    {%- set definitions = {} -%}
    {%- set staging = llm_analytics.staging_schema() -%}
    {%- for view in views | unique -%}
        {%- set schema = staging if view.startswith('stg_') else this.schema -%}
        {%- if load_relation(api.Relation.create(schema=schema, identifier=view)) is not none -%}
            {%- set texts = [] -%}
            {%- for row in run_query('describe extended ' ~ schema ~ '.' ~ view).rows
                if row[0] in ('View Text', 'Table Properties') -%}
                {%- do texts.append(row[1]) -%}
            {%- endfor -%}
            {%- do definitions.update({view: texts | join(' ')}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(definitions) }}
{% endmacro %}

{# (Not by ref: what asks for views does not depend on them, and dbt would take it for that.) #}
{% macro staging_schema() %}
    {{- return(graph.nodes['model.llm_analytics.stg_events__queries'].schema) -}}
{% endmacro %}
