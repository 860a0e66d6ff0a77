-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_consents'), llm_analytics.event_columns({
        'consent': dbt.type_string(),
        'purpose': dbt.type_string(),
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
        consent,
        purpose,
        load_seq
    from landed
)

select * from final
