-- One row per load: its place in commit order and when it was made.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'loads'), {
        'load_seq': dbt.type_bigint(),
        'loaded_at': dbt.type_timestamp(),
        'source': dbt.type_string(),
        'n_lines': dbt.type_bigint(),
        'n_blank': dbt.type_bigint(),
        'n_accepted': dbt.type_bigint(),
        'n_duplicates': dbt.type_bigint(),
        'n_quarantined': dbt.type_bigint(),
    }) }}
),

final as (
    select
        load_seq,
        source,
        n_lines,
        n_blank,
        n_accepted,
        n_duplicates,
        n_quarantined,
        loaded_at
    from landed
)

select * from final
