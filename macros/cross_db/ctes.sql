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

{# Marks, for write_ctes_down: Spark has no such word. #}
{% macro spark__materialized() -%}
    /* written down */
{%- endmacro %}

{% macro postgres__materialized() -%}
    materialized /* written down */
{%- endmacro %}

{# (Snowflake has no such word, and sees by itself what to do.) #}
{% macro snowflake__materialized() -%}
{%- endmacro %}

{#
    After `as` of a CTE that others read which are read often themselves. DuckDB sees by itself what
    to do; Spark would plan it anew for each of its readers' readers, and PostgreSQL guess how many
    rows they get.
#}
{% macro planned_once() %}
    {{- return(adapter.dispatch('planned_once', 'llm_analytics')()) -}}
{% endmacro %}

{% macro default__planned_once() -%}
{%- endmacro %}

{% macro spark__planned_once() -%}
    {{ llm_analytics.materialized() }}
{%- endmacro %}

{# (What a view holds is planned with those who read it.) #}
{% macro postgres__planned_once() -%}
    {{ llm_analytics.materialized() if config.get('materialized') != 'view' }}
{%- endmacro %}

{#
    Each CTE of a query that is marked as materialized becomes a table, and the query reads that.
    `write_down` makes a table of a query and returns how to read it. Changes `written.query` and
    `written.tables`.
#}
{% macro write_ctes_down(written, write_down) %}
    {%- set parts = written.query.split(llm_analytics.materialized()) -%}
    {%- set written.query = parts[0] -%}
    {%- for part in parts[1:] -%}
        {%- set name = written.query.split()[-2] -%}
        {%- set end = llm_analytics.end_of_brackets(part) -%}
        {%- set table = write_down(
            llm_analytics.beside(this, name), written.query ~ part[:end] ~ ' select * from ' ~ name
        ) -%}
        {%- do written.tables.append(table) -%}
        {%- set written.query = written.query ~ '(select * from ' ~ table ~ ')' ~ part[end:] -%}
    {%- endfor -%}
{% endmacro %}

{# Where the bracket closes that a piece of SQL opens first; those of texts and remarks are none. #}
{% macro end_of_brackets(sql) %}
    {%- set open = namespace(brackets=0) -%}
    {%- for found in modules.re.finditer("'[^']*'|--[^\n]*|[()]", sql) -%}
        {%- set open.brackets = open.brackets + {'(': 1, ')': -1}.get(found.group(), 0) -%}
        {%- if found.group() == ')' and open.brackets == 0 -%}
            {{- return(found.end()) -}}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}

{# The name of a table beside another, for what is written on the way. #}
{% macro beside(relation, name) %}
    {{- return(relation.incorporate(path={'identifier': relation.identifier ~ '__' ~ name})) -}}
{% endmacro %}

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

{% macro spark__reached(name, start, kept, node, edges, edge_from, edge_to, equal) -%}
{{ llm_analytics.reached_by_ways(
    name, start, kept, node, edges, edge_from, edge_to, equal,
    'array(' ~ edge_to ~ ')',
    'array_contains(ways.way, ' ~ edges ~ '.' ~ edge_to ~ ')',
) }}
{%- endmacro %}

{% macro snowflake__reached(name, start, kept, node, edges, edge_from, edge_to, equal) -%}
{{ llm_analytics.reached_by_ways(
    name, start, kept, node, edges, edge_from, edge_to, equal,
    'array_construct(' ~ edge_to ~ ')',
    'array_contains(cast(' ~ edges ~ '.' ~ edge_to ~ ' as variant), ways.way)',
) }}
{%- endmacro %}

{#
    The same where a recursive CTE has `union all` alone, which does not leave out what was reached
    before: each way remembers where it went. `first_way` is an array of where it begins, `is_known`
    a condition that it was there.
#}
{% macro reached_by_ways(
    name, start, kept, node, edges, edge_from, edge_to, equal, first_way, is_known
) -%}
{{ name }}_ways as (
    select
        {{ kept | join(',\n        ') }},
        {{ edge_to }} as {{ node }},
        {{ first_way }} as way
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
    where not {{ is_known }}
),

{{ name }} as (
    select distinct
        {{ kept | join(',\n        ') }},
        {{ node }}
    from {{ name }}_ways
)
{%- endmacro %}
