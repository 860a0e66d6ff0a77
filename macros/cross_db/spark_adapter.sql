{#
    What dbt-spark does otherwise than this project needs. Its other differences stand beside those
    of the other engines.
#}

{# Types of contracts and seeds, by Spark's names. #}
{% macro spark_type(type) %}
    {{- return({'double precision': 'double', 'text': 'string'}.get(type, type)) -}}
{% endmacro %}

{% macro spark__cast(field, type) -%}
    cast({{ field }} as {{ llm_analytics.spark_type(type) }})
{%- endmacro %}

{# A seed. dbt-spark would write what is empty as an empty text, and numbers in floating point. #}
{% macro spark__create_csv_table(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
    create table {{ this.render() }} (
        {%- for column in agate_table.column_names %}
        {{ column }} {{ llm_analytics.spark_type(
            types.get(column, adapter.convert_type(agate_table, loop.index0))
        ) }}{{ ',' if not loop.last }}
        {%- endfor %}
    )
    {{ file_format_clause() }}
    {%- endset -%}
    {%- do run_query(sql) -%}
    {{ return(sql) }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
        {%- set sql -%}
        insert into {{ this.render() }} values
        {%- for row in chunk %}
        (
            {%- for value in row -%}
            {{ llm_analytics.spark__cast(
                'null' if value is none else "'" ~ (value | string | replace("'", "''")) ~ "'",
                types.get(
                    agate_table.column_names[loop.index0],
                    adapter.convert_type(agate_table, loop.index0)
                )
            ) }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=true) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {{ return(statements | first) }}
{% endmacro %}

{#
    Incremental tables lie in folders by the day of their rows, so that a load rewrites only those
    of the days that it touches. Called by what makes any table from a query: the rows that an
    incremental run writes become a table too, for they are read several times, and the view that
    the caller asks for reads that.
#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- set time = llm_analytics.time_of_days() -%}
    {%- set written = namespace(query=compiled_code, tables=[]) -%}
    {%- do llm_analytics.write_ctes_down(written, llm_analytics.table_on_spark) -%}
    {%- if config.get('contract').enforced and not temporary -%}
        {%- set contract = get_assert_columns_equivalent(written.query) -%}
        {%- set written.query = get_select_subquery(written.query) -%}
    {%- endif -%}
    {%- if time -%}
        {%- set written.query = llm_analytics.with_partition_date(
            '(' ~ written.query ~ ')', time
        ) -%}
    {%- endif -%}
    {%- set made = llm_analytics.beside(this, 'changes') if temporary else relation -%}
    {%- set creation -%}
        create table {{ made }}
        {{ contract }}
        {{ file_format_clause() }}
        {{ 'partitioned by (partition_date)' if time and not temporary }}
        as
        {{ written.query }}
    {%- endset -%}
    {%- if temporary -%}
        {%- do run_query('drop table if exists ' ~ made) -%}
    {%- endif -%}
    {%- do run_query(creation) if temporary or written.tables -%}
    {%- for table in written.tables -%}
        {%- do run_query('drop table ' ~ table) -%}
    {%- endfor -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, 'select * from ' ~ made) }}
    {%- elif written.tables -%}
        select 1
    {%- else -%}
        {{ creation }}
    {%- endif -%}
{%- endmacro %}

{% macro table_on_spark(table, query) %}
    {%- do run_query('drop table if exists ' ~ table) -%}
    {%- do run_query('create table ' ~ table ~ ' using parquet as ' ~ query) -%}
    {{- return(table) -}}
{% endmacro %}

{# The time by whose day an incremental table lies; NULL for any other, and for one of ids alone. #}
{% macro time_of_days() %}
    {%- set found = ['asked_at', 'occurred_at'] | select('in', model.columns) | list -%}
    {{- return(
        found | first if model.config.incremental_strategy == 'touched' and found else none
    ) -}}
{% endmacro %}

{% macro with_partition_date(rows, time) -%}
    select made.*, cast(made.{{ time }} as date) as partition_date
    from {{ rows }} as made
{%- endmacro %}

{# Strategies that replace the rows of a key: none of dbt-spark's own does so for Parquet. #}
{% macro replaces_rows(strategy) %}
    {{- return(strategy in ('touched', 'delete+insert')) -}}
{% endmacro %}

{#
    Called before anything is written: a run that died while it moved the files of days has left a
    table that may lack some, and views may lack a load.
#}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) %}
    {%- if not llm_analytics.replaces_rows(raw_strategy) -%}
        {{ return(
            dbt.dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format)
        ) }}
    {%- endif -%}
    {%- if is_incremental() -%}
        {%- if 'rewriting' in llm_analytics.properties_of(this) -%}
            {{ exceptions.raise_compiler_error(
                this.name ~ ' may lack rows: a run died while it wrote. Rebuild:'
                ~ ' dbt build --full-refresh'
            ) }}
        {%- endif -%}
        {%- do llm_analytics.refuse_older_views() -%}
    {%- endif -%}
    {{ return(raw_strategy) }}
{% endmacro %}

{#
    The strategy `touched` (macros/incremental/touched.sql) where rows cannot be deleted: exactly the
    days on which a row comes, goes or changes are written anew, by dynamic overwrite. A day that
    has no row any more is dropped first. The new rows are computed once, before: the view of
    them reads the table that is written.
#}
{% macro dbt_spark_get_incremental_sql(
    strategy, source, target, existing, unique_key, incremental_predicates
) %}
    {%- if not llm_analytics.replaces_rows(strategy) -%}
        {{ return(dbt.dbt_spark_get_incremental_sql(
            strategy, source, target, existing, unique_key, incremental_predicates
        )) }}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='name') | list -%}
    {%- set changes = llm_analytics.beside(target, 'changes') -%}
    {%- set time = llm_analytics.time_of_days() -%}
    {%- set kept -%}
        select {{ columns | join(', ') }} from {{ target }} as kept
        where not exists (
            select 1 from {{ changes }} as changes
            where changes.{{ unique_key }} = kept.{{ unique_key }}
        )
    {%- endset -%}
    {%- set written -%}
        select {{ columns | join(', ') }} from {{ changes }}
        {{ 'where not is_removal' if 'is_removal' in columns }}
    {%- endset -%}
    {%- if time -%}
        {{ llm_analytics.rewrite_days(target, changes, unique_key, kept, written, columns) }}
    {%- else -%}
        {{ llm_analytics.rewrite_table(target, changes, kept, written) }}
    {%- endif -%}
{% endmacro %}

{#
    Writes days anew; the rows that are kept and those that were written make them. A day whose
    touched rows all came out as they were stays as it is: a thread that goes on for months is
    computed as a whole, and only its last day differs.
#}
{% macro rewrite_days(target, changes, unique_key, kept, written, columns) -%}
    {%- set day = 'cast(partition_date as ' ~ dbt.type_string() ~ ')' -%}
    {%- set facts = llm_analytics.columns_of_facts(columns) | join(', ') -%}
    {%- set replaced -%}
        from {{ target }} where {{ unique_key }} in (select {{ unique_key }} from {{ changes }})
    {%- endset -%}
    {%- set touched = llm_analytics.values_of(
        'select ' ~ day ~ ' ' ~ replaced ~ ' union select ' ~ day ~ ' from (' ~ written ~ ')'
    ) -%}
    {%- set days_that_differ -%}
        select distinct {{ day }} from (
            select {{ facts }} from (
                select {{ facts }}, 1 as n_rows {{ replaced }} and {{ llm_analytics.is_of_days(touched) }}
                union all
                select {{ facts }}, -1 as n_rows from ({{ written }})
            )
            group by {{ facts }}
            having sum(n_rows) <> 0
        )
    {%- endset -%}
    {%- set differing = llm_analytics.values_of(days_that_differ) if touched else [] -%}
    {%- if differing -%}
        {%- set rows -%}
            select * from (
                {{ kept }}
                union all
                {{ written }}
            )
            where {{ llm_analytics.is_of_days(differing) }}
        {%- endset -%}
        {%- set filled = llm_analytics.values_of('select distinct ' ~ day ~ ' from (' ~ rows ~ ')') -%}
        {%- do llm_analytics.set_properties(target, {'rewriting': 'true'}) -%}
        {%- for each in differing | reject('in', filled) -%}
            {%- do run_query(
                'alter table ' ~ target ~ " drop partition (partition_date = '" ~ each ~ "')"
            ) -%}
        {%- endfor -%}
        {%- if filled -%}
            {%- do run_query('set spark.sql.sources.partitionOverwriteMode = dynamic') -%}
            {%- do run_query(
                'insert overwrite table ' ~ target ~ ' partition (partition_date) ' ~ rows
                ~ ' distribute by partition_date'
            ) -%}
        {%- endif -%}
        {%- do run_query(
            'alter table ' ~ target ~ " unset tblproperties ('llm_analytics.rewriting')"
        ) -%}
    {%- endif -%}
    drop table {{ changes }}
{%- endmacro %}

{# Does a row lie in the folder of one of these days? A list, so that Spark opens no other. #}
{% macro is_of_days(days) -%}
    partition_date in (
        {%- for each in days | sort -%}
        date '{{ each }}'{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}

{# Of the columns of an incremental table those that do not say when a row was made, and from what. #}
{% macro columns_of_facts(columns) %}
    {%- set others = modules.re.compile('changed_seq|definitions_fingerprint|.*_seen_to') -%}
    {%- set found = [] -%}
    {%- for column in columns if not others.fullmatch(column) -%}
        {%- do found.append(column) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#
    Writes a table without days anew, beside the old one. A run that dies between the last steps
    leaves no table, and the next builds it from nothing.
#}
{% macro rewrite_table(target, changes, kept, written) -%}
    {%- set anew = llm_analytics.beside(target, 'written') -%}
    {%- do run_query('drop table if exists ' ~ anew) -%}
    {%- do run_query(
        'create table ' ~ anew ~ ' using parquet as ' ~ kept ~ ' union all ' ~ written
    ) -%}
    {%- do run_query('drop table ' ~ changes) -%}
    {%- do run_query('drop table ' ~ target) -%}
    alter table {{ anew }} rename to {{ target }}
{%- endmacro %}

{#
    Views that read each other are planned as one query, which takes Spark minutes where ten stand on
    each other. Those that say so in `meta.on_spark` are written down, with the names of what they
    read and the newest load that they hold: `table` as a whole, on each run; `appended` with the
    rows of loads that they lack, for those of others never change.
#}
{% materialization view, adapter='spark' %}
    {%- if not llm_analytics.is_written_down(model) -%}
        {{ return(create_or_replace_view()) }}
    {%- endif -%}
    {%- set code = modules.re.sub('--[^\n]*', '', sql) -%}
    {%- set properties = {
        'reads': modules.re.findall('(?:stg|int)_[a-z0-9_]+', code) | unique | join(', '),
        'made_by': llm_analytics.maker_of_rows(sql),
        'newest_load': llm_analytics.newest_load_held(),
    } -%}
    {#- Numbers of a team's own tables may change (int_table_loads). -#}
    {%- if model.config.meta.on_spark == 'appended' and not llm_analytics.mapped_tables() -%}
        {%- set made = llm_analytics.append_new_loads(sql, properties) -%}
    {%- else -%}
        {%- set made = materialization_table_spark() -%}
    {%- endif -%}
    {%- do llm_analytics.set_properties(this, properties) -%}
    {{ return(made) }}
{% endmaterialization %}

{#
    Writes the rows of loads that a table lacks. One that another query made, or that says nothing of
    its newest load, since a run died while it wrote, is made anew.
#}
{% macro append_new_loads(query, properties) %}
    {%- set table = this.incorporate(type='table') -%}
    {%- set found = load_relation(this) -%}
    {%- set held = {} if found is none or not found.is_table or should_full_refresh()
        else llm_analytics.properties_of(this) -%}
    {%- set held_to = held.get('newest_load', -1) | int
        if held.get('made_by') == properties.made_by else -1 -%}
    {{ run_hooks(pre_hooks) }}
    {#- A lake that has fewer loads than were read was restored. -#}
    {%- if 0 <= held_to <= properties.newest_load -%}
        {%- do run_query(
            'alter table ' ~ this ~ " unset tblproperties ('llm_analytics.newest_load')"
        ) -%}
    {%- else -%}
        {%- set held_to = -1 -%}
        {%- do adapter.drop_relation(found or table) -%}
        {%- do run_query(
            'create table ' ~ this ~ ' using parquet as select * from (' ~ query ~ ') where false'
        ) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        insert into {{ this }}
        select * from ({{ query }})
        where load_seq > {{ held_to }} and load_seq <= {{ properties.newest_load }}
    {%- endcall -%}
    {%- do apply_grants(table, config.get('grants'), should_revoke(found, full_refresh_mode=true)) -%}
    {%- do persist_docs(table, model) -%}
    {{ run_hooks(post_hooks) }}
    {{- return({'relations': [table]}) -}}
{% endmacro %}

{# What the rows are made by: a query, what it reads, and the settings of this run. #}
{% macro maker_of_rows(query) %}
    {%- set code = [query, llm_analytics.definitions_fingerprint() | string] -%}
    {%- for id in model.depends_on.nodes if id in graph.nodes -%}
        {%- do code.append(graph.nodes[id].raw_code) -%}
    {%- endfor -%}
    {{- return(local_md5(code | join('\n'))) -}}
{% endmacro %}

{% macro is_written_down(node) %}
    {{- return(node.config.materialized == 'view' and node.config.meta.on_spark is defined) -}}
{% endmacro %}

{# What this project notes of a table, by name. #}
{% macro properties_of(table) %}
    {%- set properties = {} -%}
    {%- for name, value in run_query('show tblproperties ' ~ table).rows
        if name.startswith('llm_analytics.') -%}
        {%- do properties.update({name.split('.')[1]: value}) -%}
    {%- endfor -%}
    {{- return(properties) -}}
{% endmacro %}

{% macro set_properties(table, properties) %}
    {%- set listed = [] -%}
    {%- for name, value in properties.items() -%}
        {%- do listed.append("'llm_analytics." ~ name ~ "' = '" ~ value ~ "'") -%}
    {%- endfor -%}
    {%- do run_query('alter table ' ~ table ~ ' set tblproperties (' ~ listed | join(', ') ~ ')') -%}
{% endmacro %}

{#
    The newest load that is sure to be in what this model reads: views may be older than the lake. 0
    where nothing was ever loaded.
#}
{% macro newest_load_held() %}
    {%- set loads = graph.sources['source.llm_analytics.raw.loads'] -%}
    {%- set landed = adapter.get_relation(loads.database, loads.schema, loads.identifier) -%}
    {%- if landed is none -%}
        {{- return(0) -}}
    {%- endif -%}
    {%- set held = llm_analytics.values_of('select coalesce(max(load_seq), 0) from ' ~ landed) -%}
    {%- for view in llm_analytics.views_read(model) -%}
        {%- do held.append(llm_analytics.newest_load_of(view)) -%}
    {%- endfor -%}
    {{- return(held | min) -}}
{% endmacro %}

{# The views that are written down and that a node reads, itself or through views that are not. #}
{% macro views_read(node) %}
    {%- set views = [] -%}
    {%- for id in node.depends_on.nodes if id in graph.nodes -%}
        {%- set read = graph.nodes[id] -%}
        {%- if llm_analytics.is_written_down(read) -%}
            {%- do views.append(api.Relation.create(schema=read.schema, identifier=read.alias)) -%}
        {%- elif read.config.materialized == 'view' -%}
            {%- do views.extend(llm_analytics.views_read(read)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(views) -}}
{% endmacro %}

{% macro newest_load_of(view) %}
    {{- return(llm_analytics.properties_of(view).get('newest_load', 0) | int) -}}
{% endmacro %}

{#
    An incremental table notes the newest load that this run reads. A view that was written down before
    that load came does not hold it: its rows would be passed over for good. (Numbers of a team's own
    tables are not those of loads: nothing is known of their views.)
#}
{% macro refuse_older_views() %}
    {%- if not llm_analytics.mapped_tables() -%}
        {%- set horizon = graph.nodes['model.llm_analytics.int_load_horizon'] -%}
        {%- set newest_load = llm_analytics.values_of(
            'select load_seq from ' ~ horizon.schema ~ '.' ~ horizon.alias
        ) | first -%}
        {%- for view in llm_analytics.views_read(model) -%}
            {%- if llm_analytics.newest_load_of(view) < newest_load -%}
                {{ exceptions.raise_compiler_error(
                    this.name ~ ' would pass over load ' ~ newest_load ~ ': ' ~ view.identifier
                    ~ ' was built before it came. Build what is read too: dbt build --select +'
                    ~ this.name
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
