-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_queries'), llm_analytics.event_columns({
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
        'conversation_turn': dbt.type_bigint(),
        'query_length': dbt.type_bigint(),
        'query_kind': dbt.type_string(),
        'is_clarification': dbt.type_boolean(),
        'feature': dbt.type_string(),
        'text_length': dbt.type_bigint(),
        'text_word_count': dbt.type_bigint(),
        'text_signature_1': dbt.type_bigint(),
        'text_signature_2': dbt.type_bigint(),
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
        conversation_turn,
        query_length,
        coalesce(query_kind, 'new') as query_kind,
        coalesce(is_clarification, false) as is_clarification,
        false as is_implied,
        feature,
        text_length,
        text_word_count,
        text_signature_1,
        text_signature_2,
        load_seq
    from landed
)

select * from final
