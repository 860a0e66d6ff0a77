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
{% macro materialized() %}
    {{- return(adapter.dispatch('materialized', 'llm_analytics')()) -}}
{% endmacro %}

{% macro default__materialized() -%}
    materialized
{%- endmacro %}

{# A mark: Spark has no such word, and the CTE becomes a table (spark_adapter.sql). #}
{% macro spark__materialized() -%}
    /* written down */
{%- endmacro %}

{#
    After `as` of a CTE that others read which are read often themselves. DuckDB and PostgreSQL see by
    themselves what to do; Spark would plan it anew for each of its readers' readers.
#}
{% macro planned_once() %}
    {{- return(adapter.dispatch('planned_once', 'llm_analytics')()) -}}
{% endmacro %}

{% macro default__planned_once() -%}
{%- endmacro %}

{% macro spark__planned_once() -%}
    {{ llm_analytics.materialized() }}
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

{#
    A recursive CTE `name`: from each row of `start`, which has the column `edge_to`, all nodes that
    `edges` lead to, each once, as the column `node` beside the `kept` columns. `equal` are columns
    that both sides share. Edges may go in circles.
#}
{% macro reached(name, start, kept, node, edges, edge_from, edge_to, equal=[]) %}
    {{- return(adapter.dispatch('reached', 'llm_analytics')(
        name, start, kept, node, edges, edge_from, edge_to, equal
    )) -}}
{% endmacro %}

{% macro default__reached(name, start, kept, node, edges, edge_from, edge_to, equal) -%}
{{ name }} as (
    select
        {{ kept | join(',\n        ') }},
        {{ edge_to }} as {{ node }}
    from {{ start }}
    union
    select
        {{ llm_analytics.columns_of(name, kept) }},
        {{ edges }}.{{ edge_to }} as {{ node }}
    from {{ name }}
    inner join {{ edges }}
        on
            {{ name }}.{{ node }} = {{ edges }}.{{ edge_from }}
            {%- for column in equal %}
            and {{ name }}.{{ column }} = {{ edges }}.{{ column }}
            {%- endfor %}
)
{%- endmacro %}

{# Spark does not leave out what was reached before: each way remembers where it went. #}
{% macro spark__reached(name, start, kept, node, edges, edge_from, edge_to, equal) -%}
{{ name }}_ways as (
    select
        {{ kept | join(',\n        ') }},
        {{ edge_to }} as {{ node }},
        array({{ edge_to }}) as way
    from {{ start }}
    union all
    select
        {{ llm_analytics.columns_of('ways', kept) }},
        {{ edges }}.{{ edge_to }} as {{ node }},
        array_append(ways.way, {{ edges }}.{{ edge_to }}) as way
    from {{ name }}_ways as ways
    inner join {{ edges }}
        on
            ways.{{ node }} = {{ edges }}.{{ edge_from }}
            {%- for column in equal %}
            and ways.{{ column }} = {{ edges }}.{{ column }}
            {%- endfor %}
    where not array_contains(ways.way, {{ edges }}.{{ edge_to }})
),

{{ name }} as (
    select distinct
        {{ kept | join(',\n        ') }},
        {{ node }}
    from {{ name }}_ways
)
{%- endmacro %}
