-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_product_events'), llm_analytics.event_columns({
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
        'name': dbt.type_string(),
        'is_user_action': dbt.type_boolean(),
        'goal': dbt.type_string(),
        'feature': dbt.type_string(),
        'amount': 'decimal(24, 12)',
        'currency': dbt.type_string(),
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
        session_id as source_session_id,
        conversation_id,
        trace_id,
        name,
        coalesce(is_user_action, true) as is_user_action,
        goal,
        feature,
        amount,
        currency,
        load_seq
    from landed
)

select * from final
