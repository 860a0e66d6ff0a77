-- One row per row of the table that var llm_analytics_tables names for product_events. Its load_seq is its
-- place in that table's own order of loading, which int_table_loads knows the loads of.
{{ config(enabled='product_events' in var('llm_analytics_tables', {})) }}

with

landed as (
    {{ llm_analytics.mapped_rows('product_events', source('tables_product_events', 'rows')) }}
),

final as (
    select
        {{ llm_analytics.tables_envelope() }},
        name,
        coalesce(is_user_action, true) as is_user_action,
        goal,
        feature,
        amount,
        currency,
        load_seq
    from landed
)

select * from final
