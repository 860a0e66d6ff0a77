-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'events_infrastructure_usage'),
        llm_analytics.event_columns({
            'resource': dbt.type_string(),
            'started_at': dbt.type_timestamp(),
            'cost_usd': 'decimal(24, 12)',
            'utilisation': 'decimal(18, 6)',
        }),
    ) }}
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
        resource,
        started_at,
        cost_usd,
        utilisation,
        load_seq
    from landed
)

select * from final
