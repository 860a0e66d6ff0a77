-- One row per erasure of people; it holds no identifier.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'erasures'), {
        'erasure_id': dbt.type_bigint(),
        'requested_at': dbt.type_timestamp(),
        'completed_at': dbt.type_timestamp(),
        'policy_version': dbt.type_string(),
        'n_people': dbt.type_bigint(),
        'n_refused_lines': dbt.type_bigint(),
    }) }}
),

erased_rows as (
    {{ llm_analytics.landed(source('raw', 'erased_rows'), {
        'erasure_id': dbt.type_bigint(),
        'n_rows': dbt.type_bigint(),
    }) }}
),

totals as (
    select
        erasure_id,
        {{ llm_analytics.sum_integer('n_rows') }} as n_rows
    from erased_rows
    group by erasure_id
),

final as (
    select
        landed.erasure_id,
        landed.policy_version,
        landed.n_people,
        coalesce(totals.n_rows, 0) as n_rows,
        landed.n_refused_lines,
        landed.requested_at,
        landed.completed_at
    from landed
    left join totals
        on landed.erasure_id = totals.erasure_id
)

select * from final
