-- One row per landed trace: a request to the product. One id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('langfuse')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'langfuse_traces'), llm_analytics.source_columns(
        ['name', 'environment', 'user_id', 'session_id', 'release'],
        ['input_length', 'text_word_count', 'text_signature_1', 'text_signature_2'],
        {'updated_at': dbt.type_timestamp()}
    )) }}
),

final as (
    select
        'langfuse' as source,
        'langfuse:' || event_id as event_id,
        {{ llm_analytics.epoch_microseconds('updated_at') }} as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as app_id,
        environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        release as app_version,
        session_id as source_session_id,
        cast(null as {{ dbt.type_string() }}) as conversation_id,
        event_id as trace_id,
        cast(null as {{ dbt.type_bigint() }}) as conversation_turn,
        input_length as query_length,
        'new' as query_kind,
        false as is_clarification,
        false as is_implied,
        name as feature,
        input_length as text_length,
        text_word_count,
        text_signature_1,
        text_signature_2,
        load_seq
    from landed
    where not {{ llm_analytics.is_langfuse_internal('environment') }}
)

select * from final
