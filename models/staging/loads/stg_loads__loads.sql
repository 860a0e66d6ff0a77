-- One row per load: its place in commit order and when it was made.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'loads'), {
        'load_seq': dbt.type_bigint(),
        'loaded_at': dbt.type_timestamp(),
        'source': dbt.type_string(),
        'policy': dbt.type_string(),
        'policy_version': dbt.type_string(),
        'is_keyed': dbt.type_boolean(),
        'n_lines': dbt.type_bigint(),
        'n_blank': dbt.type_bigint(),
        'n_accepted': dbt.type_bigint(),
        'n_duplicates': dbt.type_bigint(),
        'n_quarantined': dbt.type_bigint(),
        'n_erased': dbt.type_bigint(),
    }) }}
),

final as (
    select
        load_seq,
        source,
        policy as text_policy,
        policy_version,
        n_lines,
        n_blank,
        n_accepted,
        n_duplicates,
        n_quarantined,
        coalesce(n_erased, 0) as n_erased,
        is_keyed,
        loaded_at
    from landed
)

select * from final
