-- One row per row of the table that var llm_analytics_tables names for feedback. Its load_seq is its
-- place in that table's own order of loading, which int_table_loads knows the loads of.
{{ config(enabled='feedback' in var('llm_analytics_tables', {})) }}

with

landed as (
    {{ llm_analytics.mapped_rows('feedback', source('tables_feedback', 'rows')) }}
),

final as (
    select
        {{ llm_analytics.tables_envelope() }},
        {{ llm_analytics.tracked_columns('feedback', 'tables') }},
        load_seq
    from landed
)

select * from final
