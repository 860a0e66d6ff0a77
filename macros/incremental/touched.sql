{#
    How zone A stays exact (docs/incremental.md): every row carries `changed_seq`, the version of
    its last write, and one `<input>_seen_to` per input, the newest version of that input when it
    was written. A model recomputes whatever an unseen change touches, as a whole, and replaces
    it.
#}

{#
    The version of the rows that this run writes: by the clock, and always above all that the
    table holds.
#}
{% macro next_change() -%}
    {%- if is_incremental() -%}
    greatest(
        (select coalesce(max(changed_seq), 0) + 1 from {{ this }}),
        {{ llm_analytics.clock_microseconds() }}
    )
    {%- else -%}
    {{ llm_analytics.clock_microseconds() }}
    {%- endif -%}
{%- endmacro %}

{# The newest version of an input: what the rows written now have seen of it. #}
{% macro newest_change(input) -%}
    (select coalesce(max(changed_seq), 0) from {{ input }})
{%- endmacro %}

{#
    Is this row of an input unseen by this model? An input that was rebuilt, so that it is older
    than what was seen, is unseen as a whole.
#}
{% macro is_unseen(input, seen_to_column) -%}
    changed_seq > (
        select
            case
                when max({{ seen_to_column }}) <= {{ llm_analytics.newest_change(input) }}
                    then max({{ seen_to_column }})
                else -1
            end
        from {{ this }}
    )
{%- endmacro %}

{#
    The incremental strategy `touched`: delete every row whose unique_key is in the new rows, then
    insert the new rows but those marked is_removal, which only name a key to delete. One
    transaction. (delete+insert cannot delete a key that has no new row: a session that was merged
    would stay.)
#}
{% macro get_incremental_touched_sql(arg_dict) %}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set source = arg_dict['temp_relation'] -%}
    {%- set key = arg_dict['unique_key'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='name') | map('lower') -%}
    {%- set has_removals = 'is_removal' in names -%}
    delete from {{ target }}
    where {{ key }} in (select {{ key }} from {{ source }});

    insert into {{ target }} ({{ columns }})
    select {{ columns }}
    from {{ source }}
    {%- if has_removals %}
    where not is_removal
    {%- endif %};
{% endmacro %}
