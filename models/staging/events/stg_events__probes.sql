-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_probes'), llm_analytics.event_columns({
        'service': dbt.type_string(),
        'is_up': dbt.type_boolean(),
        'latency_ms': dbt.type_bigint(),
    })) }}
),

final as (
    select
        'events' as source,
        event_id,
        event_version,
        occurred_at,
        sequence_number,
        user_id,
        anonymous_id,
        account_id,
        app_id,
        environment,
        platform,
        app_version,
        service,
        is_up,
        latency_ms,
        load_seq
    from landed
)

select * from final
