-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_feedback'), llm_analytics.event_columns({
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
        'response_id': dbt.type_string(),
        'query_id': dbt.type_string(),
        'feedback_type': dbt.type_string(),
        'feedback_score': 'decimal(18, 6)',
        'survey_id': dbt.type_string(),
        'text_length': dbt.type_bigint(),
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
        response_id,
        query_id,
        feedback_type,
        feedback_score,
        survey_id,
        text_length,
        load_seq
    from landed
)

select * from final
