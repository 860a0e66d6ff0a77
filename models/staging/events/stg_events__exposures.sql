-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_exposures'), llm_analytics.event_columns({
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
        'experiment_id': dbt.type_string(),
        'variant': dbt.type_string(),
        'unit_id': dbt.type_string(),
        'allocation_phase': dbt.type_string(),
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
        experiment_id,
        variant,
        unit_id,
        allocation_phase,
        load_seq
    from landed
)

select * from final
