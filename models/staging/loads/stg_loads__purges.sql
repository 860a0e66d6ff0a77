-- One row per purge and raw table: texts that were removed for their age.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'purges'), {
        'purge_id': dbt.type_bigint(),
        'purged_at': dbt.type_timestamp(),
        'policy_version': dbt.type_string(),
        'table_name': dbt.type_string(),
        'n_rows': dbt.type_bigint(),
    }) }}
),

final as (
    select
        purge_id,
        policy_version,
        table_name,
        n_rows,
        purged_at
    from landed
)

select * from final
