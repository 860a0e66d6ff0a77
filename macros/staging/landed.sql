{#
    The landed rows of a raw table with exactly the given columns (name: type). A table that no load
    has made yet yields no row, a column that it lacks yields typed NULLs: whatever a team's tracker
    sends, the graph is valid.
#}
{% macro landed(relation, columns) %}
    {%- set present = none -%}
    {%- set scale = llm_analytics.load_seq_scale() -%}
    {%- if execute and not relation.is_cte -%}
        {%- set table = load_relation(relation) -%}
        {%- set present = [] if table is none else adapter.get_columns_in_relation(table)
            | map(attribute='name') | map('lower') | list -%}
    {%- endif -%}
    select
        {%- for name, type in columns.items() %}
        {% if (present is none or name in present) and name == 'load_seq' and scale > 1 -%}
            cast({{ name }} as {{ type }}) * {{ scale }} as {{ name }}
        {%- elif present is none or name in present -%}
            cast({{ name }} as {{ type }}) as {{ name }}
        {%- else -%}
            cast(null as {{ type }}) as {{ name }}
        {%- endif -%}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    {% if present == [] -%}
    where false
    {%- else -%}
    from {{ relation }}
    {%- endif %}
{% endmacro %}

{# Columns of every landed event, around those of its stream. #}
{% macro event_columns(stream_columns) %}
    {%- set columns = {
        'event_id': dbt.type_string(),
        'event_version': dbt.type_bigint(),
        'occurred_at': dbt.type_timestamp(),
        'sequence_number': dbt.type_bigint(),
        'user_id': dbt.type_string(),
        'anonymous_id': dbt.type_string(),
        'account_id': dbt.type_string(),
        'app_id': dbt.type_string(),
        'environment': dbt.type_string(),
        'platform': dbt.type_string(),
        'app_version': dbt.type_string(),
    } -%}
    {%- do columns.update(stream_columns) -%}
    {%- do columns.update({'load_seq': dbt.type_bigint()}) -%}
    {{ return(columns) }}
{% endmacro %}
