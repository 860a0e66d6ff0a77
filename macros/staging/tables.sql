{#
    Tables that the team's warehouse has already (as Segment, RudderStack or Fivetran write them),
    mapped to the canonical streams by the var llm_analytics_tables. They have no load number:
    int_table_loads gives their rows numbers between those of the loads.
#}

{# The mapping of each stream that has a table: what the var says. #}
{% macro mapped_tables() %}
    {{ return(var('llm_analytics_tables', {}) or {}) }}
{% endmacro %}

{# By how much a load's number grows where tables are mapped: their numbers stand in between. #}
{% macro load_seq_scale() %}
    {{ return(1000000 if llm_analytics.mapped_tables() else 1) }}
{% endmacro %}

{# Days before a table's newest row that each run reads again, where it has no load column. #}
{% macro bounded_days(stream) %}
    {{ return(
        none if llm_analytics.mapped_tables().get(stream, {}).get('load_column')
        else llm_analytics.setting('table_window_days')
    ) }}
{% endmacro %}

{#
    The rows of a stream's table under the names of the tracking plan. What the mapping leaves out
    is NULL; a name that the stream does not have stops the run. load_seq is the row's place in the
    table's own order: its load column, else when it happened.
#}
{% macro mapped_rows(stream, relation) %}
    {%- set mapping = llm_analytics.mapped_tables().get(stream, {}) -%}
    {%- set columns = mapping.get('columns', {}) -%}
    {%- set types = llm_analytics.event_columns(llm_analytics.tracked_types(stream)) -%}
    {%- do types.pop('load_seq') -%}
    {%- for name in columns if execute and name not in types -%}
        {{ exceptions.raise_compiler_error(
            'llm_analytics_tables.' ~ stream ~ ' maps ' ~ name ~ ', which is none of: '
            ~ types.keys() | join(', ')
        ) }}
    {%- endfor -%}
    {%- for name in ['event_id', 'occurred_at'] if execute and name not in columns -%}
        {{ exceptions.raise_compiler_error(
            'llm_analytics_tables.' ~ stream ~ ' must map ' ~ name
        ) }}
    {%- endfor -%}
    {%- set zoned = [] -%}
    {%- set times = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- set type = column.dtype | lower -%}
            {%- if 'time zone' in type or 'timestamptz' in type -%}
                {%- do zoned.append(column.name | lower) -%}
            {%- endif -%}
            {%- if 'timestamp' in type or type == 'date' -%}
                {%- do times.append(column.name | lower) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set occurred_at = llm_analytics.utc_time(columns.get('occurred_at', 'null'), zoned) -%}
    {%- set load_column = mapping.get('load_column') -%}
    select
        {%- for name, type in types.items() %}
        {% if name == 'occurred_at' -%}
            cast({{ occurred_at }} as {{ type }}) as occurred_at,
        {%- elif name in columns -%}
            cast({{ columns[name] }} as {{ type }}) as {{ name }},
        {%- else -%}
            cast(null as {{ type }}) as {{ name }},
        {%- endif -%}
        {%- endfor %}
        coalesce(
            {% if load_column and load_column | lower | replace('"', '') not in times -%}
            cast({{ load_column }} as {{ dbt.type_bigint() }}),
            {%- else -%}
            {{ llm_analytics.epoch_microseconds(
                'cast(' ~ llm_analytics.utc_time(load_column or columns.get('occurred_at', 'null'), zoned)
                ~ ' as ' ~ dbt.type_timestamp() ~ ')'
            ) }},
            {%- endif %}
            0
        ) as load_seq
    from {{ relation }}
{% endmacro %}

{# A column with a time zone as its time in UTC, whatever the zone of the session. #}
{% macro utc_time(expression, zoned) -%}
    {%- if expression | lower | replace('"', '') in zoned -%}
    ({{ expression }} at time zone 'UTC')
    {%- else -%}
    {{ expression }}
    {%- endif -%}
{%- endmacro %}

{# The columns that all canonical events have, up to the trace, from a mapped row. #}
{% macro tables_envelope() -%}
    'tables' as source,
        'tables:' || event_id as event_id,
        event_version,
        occurred_at,
        sequence_number,
        user_id,
        anonymous_id,
        account_id,
        app_id,
        environment,
        platform,
        app_version,
        session_id as source_session_id,
        conversation_id,
        trace_id
{%- endmacro %}

{#
    A select of the rows of a mapped table with their numbers as if they had been loaded. A row that
    came after the horizon of the run is not there yet; one that is to be read again, but not by
    this run, is there under its first number.
#}
{% macro numbered_rows(stream) -%}
select
    {{ llm_analytics.stream_columns(stream) | join(',\n    ') }},
    case
        when table_loads.load_seq <= horizon.load_seq then table_loads.load_seq
        else table_loads.first_load_seq
    end as load_seq
from {{ ref('stg_tables__' ~ stream) }} as staged
inner join {{ ref('int_table_loads') }} as table_loads
    on
        table_loads.stream = '{{ stream }}'
        and staged.load_seq > table_loads.previous_position
        and staged.load_seq <= table_loads.newest_position
cross join {{ ref('int_load_horizon') }} as horizon
{%- endmacro %}
