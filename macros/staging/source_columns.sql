{# Columns of a raw table of a source, by their types; those that every raw table has are added. #}
{% macro source_columns(texts, integers=[], others={}, numbers=[]) %}
    {%- set columns = {
        'event_id': dbt.type_string(),
        'occurred_at': dbt.type_timestamp(),
    } -%}
    {%- for name in texts -%}
        {%- do columns.update({name: dbt.type_string()}) -%}
    {%- endfor -%}
    {%- for name in integers -%}
        {%- do columns.update({name: dbt.type_bigint()}) -%}
    {%- endfor -%}
    {%- for name in numbers -%}
        {%- do columns.update({name: 'decimal(18, 6)'}) -%}
    {%- endfor -%}
    {%- do columns.update(others) -%}
    {%- do columns.update({'load_seq': dbt.type_bigint()}) -%}
    {{ return(columns) }}
{% endmacro %}
