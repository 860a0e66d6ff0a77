{#
    In place of dbt's own, which has the engine plan the tested query twice: once for the types of its
    columns, and once to run it. Here what it returns is kept in a temporary table, which has both.
#}
{% materialization unit, default %}
    {%- set actual = make_temp_relation(this.incorporate(type="table")) -%}
    {% do run_query(get_create_table_as_sql(true, actual, sql)) %}

    {%- set types = {} -%}
    {%- set quoted = {} -%}
    {%- for column in get_columns_in_relation(actual) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- do quoted.update({column.name | lower: column.quoted}) -%}
    {%- endfor -%}

    {%- set rows = config.get("expected_rows") -%}
    {%- set expected = config.get("expected_sql") or get_expected_sql(rows, types, quoted) -%}
    {%- set compared = [] -%}
    {%- for name in (rows[0] if rows else types) -%}
        {%- do compared.append(quoted[name | lower]) -%}
    {%- endfor -%}

    {% call statement("main", fetch_result=True) %}
        {{ get_unit_test_sql("select * from " ~ actual, expected, compared) }}
    {% endcall %}
    {% do run_query("drop table " ~ actual) %}
    {{ return({"relations": []}) }}
{% endmaterialization %}
