-- One row per file of a load. Its name stays in raw: it may say whose data the file holds.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'loaded_files'), {
        'load_seq': dbt.type_bigint(),
        'file_number': dbt.type_bigint(),
        'n_bytes': dbt.type_bigint(),
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
        file_number,
        n_bytes,
        n_lines,
        n_blank,
        n_accepted,
        n_duplicates,
        n_quarantined,
        coalesce(n_erased, 0) as n_erased
    from landed
)

select * from final
