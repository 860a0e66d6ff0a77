-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_evaluations'), llm_analytics.event_columns({
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
        'response_id': dbt.type_string(),
        'criterion': dbt.type_string(),
        'rubric': dbt.type_string(),
        'rubric_version': dbt.type_string(),
        'evaluator_id': dbt.type_string(),
        'evaluator_kind': dbt.type_string(),
        'score': 'decimal(18, 6)',
        'label': dbt.type_string(),
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
        criterion,
        rubric,
        rubric_version,
        evaluator_id,
        evaluator_kind,
        score,
        label,
        load_seq
    from landed
)

select * from final
