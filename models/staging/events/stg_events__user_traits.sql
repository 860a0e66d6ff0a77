-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_user_traits'), llm_analytics.event_columns({
        'trait': dbt.type_string(),
        'value': dbt.type_string(),
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
        trait,
        value,
        load_seq
    from landed
)

select * from final
