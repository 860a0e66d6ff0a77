-- One row per publication of the marts: a new version or an older one, as a file or a copy of it.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'publications'), {
        'publication_id': dbt.type_bigint(),
        'act': dbt.type_string(),
        'form': dbt.type_string(),
        'version': dbt.type_bigint(),
        'n_rows': dbt.type_bigint(),
        'has_ids': dbt.type_boolean(),
        'policy_version': dbt.type_string(),
        'began_at': dbt.type_timestamp(),
        'completed_at': dbt.type_timestamp(),
    }) }}
),

final as (
    select
        publication_id,
        act,
        form,
        version,
        policy_version,
        n_rows,
        has_ids,
        began_at,
        completed_at
    from landed
)

select * from final
