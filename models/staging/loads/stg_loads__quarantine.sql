-- One row per line that a load refused; its text, where the policy keeps any, stays in raw.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'quarantine'), {
        'load_seq': dbt.type_bigint(),
        'file_number': dbt.type_bigint(),
        'line_number': dbt.type_bigint(),
        'stream': dbt.type_string(),
        'reason': dbt.type_string(),
        'detail': dbt.type_string(),
        'raw_sha256': dbt.type_string(),
    }) }}
),

final as (
    select
        load_seq,
        file_number,
        line_number,
        stream,
        reason,
        detail,
        raw_sha256 as line_sha256
    from landed
)

select * from final
