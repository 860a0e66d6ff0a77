-- One row per landed event of the stream; one id may have several contents.
with

landed as (
    {{ llm_analytics.landed(source('raw', 'events_responses'), llm_analytics.event_columns({
        'session_id': dbt.type_string(),
        'conversation_id': dbt.type_string(),
        'trace_id': dbt.type_string(),
        'conversation_turn': dbt.type_bigint(),
        'response_id': dbt.type_string(),
        'query_id': dbt.type_string(),
        'parent_response_id': dbt.type_string(),
        'call_role': dbt.type_string(),
        'attempt_number': dbt.type_bigint(),
        'response_length': dbt.type_bigint(),
        'response_format': dbt.type_string(),
        'citation_count': dbt.type_bigint(),
        'provider': dbt.type_string(),
        'model_version': dbt.type_string(),
        'request_model': dbt.type_string(),
        'response_model': dbt.type_string(),
        'tokens_used': dbt.type_bigint(),
        'input_tokens': dbt.type_bigint(),
        'cache_read_tokens': dbt.type_bigint(),
        'cache_write_tokens': dbt.type_bigint(),
        'output_tokens': dbt.type_bigint(),
        'reasoning_tokens': dbt.type_bigint(),
        'token_convention': dbt.type_string(),
        'latency_ms': dbt.type_bigint(),
        'client_latency_ms': dbt.type_bigint(),
        'time_to_first_token_ms': dbt.type_bigint(),
        'status': dbt.type_string(),
        'error_type': dbt.type_string(),
        'finish_reason': dbt.type_string(),
        'prompt_name': dbt.type_string(),
        'prompt_version': dbt.type_string(),
        'temperature': 'decimal(18, 6)',
        'tool_call_count': dbt.type_bigint(),
        'tool_cost_usd': 'decimal(24, 12)',
        'logged_cost_usd': 'decimal(24, 12)',
        'feature': dbt.type_string(),
        'implies_query': dbt.type_boolean(),
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
        conversation_turn,
        response_id,
        -- A top-level call of a request log serves the query that it implies.
        case
            when
                implies_query
                and coalesce(call_role, 'answer') = 'answer'
                and parent_response_id is null
                then coalesce(query_id, event_id)
            else query_id
        end as query_id,
        parent_response_id,
        coalesce(call_role, 'answer') as call_role,
        attempt_number,
        response_length,
        response_format,
        citation_count,
        provider,
        model_version,
        request_model,
        response_model,
        tokens_used,
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        token_convention,
        latency_ms,
        client_latency_ms,
        time_to_first_token_ms,
        status,
        error_type,
        finish_reason,
        prompt_name,
        prompt_version,
        temperature,
        tool_call_count,
        tool_cost_usd,
        logged_cost_usd,
        feature,
        coalesce(implies_query, false) as implies_query,
        text_length,
        load_seq
    from landed
)

select * from final
