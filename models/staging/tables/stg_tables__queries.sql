-- One row per row of the table that var llm_analytics_tables names for queries. Its load_seq is its
-- place in that table's own order of loading, which int_table_loads knows the loads of.
{{ config(enabled='queries' in var('llm_analytics_tables', {})) }}

with

landed as (
    {{ llm_analytics.mapped_rows('queries', source('tables_queries', 'rows')) }}
),

final as (
    select
        {{ llm_analytics.tables_envelope() }},
        {{ llm_analytics.tracked_columns('queries', 'tables') }},
        load_seq
    from landed
)

select * from final
