{#
    In place of dbt's own macros of these names, which cast each column of an input in each row of a
    fixture, up to a hundred for the few that a row gives. These write what the rows give, cast a
    column once, and read nothing of the relation in whose place they stand: the unit tests take less
    time.
#}

{# The rows of an input: the columns that they give, and NULL in all others. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- set relation = defer_relation if (defer_relation and not load_relation(this)) else this -%}
    {%- set types = {} -%}
    {%- set quoted = {} -%}
    {%- if not load_relation(relation) -%}
        {{ exceptions.raise_compiler_error("A unit test replaces " ~ relation ~ ", which is not built") }}
    {%- endif -%}
    {#- The adapter's method of this name reads the whole project's macros first. -#}
    {%- for column in get_columns_in_relation(relation) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- do quoted.update({column.name | lower: column.quoted}) -%}
    {%- endfor -%}
    {%- set given = rows | map("list") | sum(start=[]) | map("lower") | unique | list -%}
select
    {%- for name, type in types.items() %}
    {{ "given." if name in given else "cast(null as " ~ type ~ ") as " }}{{ quoted[name] }}
        {{- "," if not loop.last }}
    {%- endfor %}
from (
    {{ typed_rows(rows, given, types, quoted) if rows else "select 1 as n_rows where 1 = 0" }}
) as given
{%- endmacro %}

{# The rows that are expected. #}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) -%}
    {%- if not rows -%}
select * from dbt_internal_unit_test_actual limit 0
    {%- else -%}
        {%- set given = rows[0] | map("lower") | list -%}
        {%- for row in rows if row | map("lower") | sort != given | sort -%}
            {{ exceptions.raise_compiler_error("This row gives other columns than the first that is expected: " ~ row) }}
        {%- endfor -%}
        {{- typed_rows(rows, given, column_name_to_data_types, column_name_to_quoted) -}}
    {%- endif -%}
{%- endmacro %}

{# Rows of a fixture as a query of the named columns; NULL where a row does not give one. #}
{% macro typed_rows(rows, names, types, quoted) -%}
    {%- for name in names if name not in types -%}
        {{ exceptions.raise_compiler_error("A unit test gives " ~ name ~ ", but the columns are " ~ types | join(", ")) }}
    {%- endfor -%}
select
    {%- for name in names %}
        {#- A length would cut off what is longer. #}
        {%- set type = types[name].split("(")[0] if "char" in types[name] | lower else types[name] %}
    cast({{ quoted[name] }} as {{ type }}) as {{ quoted[name] }}{{ "," if not loop.last }}
    {%- endfor %}
from (
    {%- for row in rows %}
        {%- set is_first = loop.first %}
        {%- set texts = {} %}
        {%- for name, value in row.items() if value is not none %}
            {%- set text = value if "'" not in value | string else dbt.escape_single_quotes(value) %}
            {%- do texts.update({name | lower: "'" ~ text ~ "'"}) %}
        {%- endfor %}
    select
        {%- for name in names %} {{ texts.get(name, "null") }}
            {{- " as " ~ quoted[name] if is_first }}{{ "," if not loop.last }}
        {%- endfor %}
        {%- if not loop.last %}
    union all
        {%- endif %}
    {%- endfor %}
) as texts
{%- endmacro %}
