-- One row per landed span that is a call of a model; one id may have several contents. A span that
-- only sums up the calls within it is one too: which of them are billable is decided later.
{{ config(enabled=llm_analytics.is_source_enabled('otlp')) }}

{% set texts = [
    'trace_id', 'span_id', 'parent_span_id', 'status_code', 'scope_name', 'service_name',
    'service_version', 'deployment_environment_name', 'deployment_environment',
    'user_id', 'enduser_id', 'session_id', 'gen_ai_conversation_id', 'gen_ai_request_user',
    'ai_telemetry_metadata_user_id', 'ai_telemetry_metadata_session_id', 'langfuse_user_id',
    'langfuse_session_id', 'traceloop_association_properties_user_id',
    'traceloop_association_properties_session_id', 'gen_ai_environment',
    'gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_system', 'gen_ai_request_model',
    'gen_ai_response_model', 'gen_ai_response_id', 'gen_ai_output_type', 'gen_ai_agent_name',
    'openinference_span_kind', 'llm_provider', 'llm_system', 'llm_model_name',
    'llm_request_model_name', 'llm_response_model_name', 'embedding_model_name',
    'reranker_model_name', 'llm_request_type', 'traceloop_workflow_name', 'ai_operation_id',
    'ai_model_id', 'ai_model_provider', 'ai_response_model', 'ai_response_id',
    'ai_telemetry_function_id', 'gen_ai_response_finish_reasons',
    'gen_ai_completion_0_finish_reason', 'ai_response_finish_reason', 'error_type',
    'exception_type', 'gen_ai_prompt_name', 'langfuse_prompt_name', 'langfuse_prompt_version',
    'llm_prompt_template_version',
] %}
{% set integers = [
    'gen_ai_usage_input_tokens', 'gen_ai_usage_output_tokens', 'gen_ai_usage_prompt_tokens',
    'gen_ai_usage_completion_tokens', 'gen_ai_usage_total_tokens',
    'gen_ai_usage_cache_read_input_tokens', 'gen_ai_usage_cache_creation_input_tokens',
    'gen_ai_usage_reasoning_output_tokens', 'gen_ai_usage_reasoning_tokens',
    'gen_ai_usage_details_cache_read_tokens', 'gen_ai_usage_details_cache_write_tokens',
    'gen_ai_usage_details_reasoning_tokens', 'llm_usage_total_tokens',
    'llm_usage_reasoning_tokens', 'llm_token_count_prompt', 'llm_token_count_completion',
    'llm_token_count_total', 'llm_token_count_prompt_details_cache_read',
    'llm_token_count_prompt_details_cache_write',
    'llm_token_count_completion_details_reasoning', 'ai_usage_prompt_tokens',
    'ai_usage_completion_tokens', 'ai_usage_input_tokens', 'ai_usage_output_tokens',
    'ai_usage_total_tokens', 'ai_usage_tokens', 'ai_usage_cached_input_tokens',
    'ai_usage_reasoning_tokens', 'ai_usage_input_token_details_no_cache_tokens',
    'ai_usage_input_token_details_cache_read_tokens',
    'ai_usage_input_token_details_cache_write_tokens',
    'ai_usage_output_token_details_reasoning_tokens', 'tool_call_count', 'input_length',
    'output_length', 'text_word_count', 'text_signature_1', 'text_signature_2',
] %}
{% set numbers = [
    'gen_ai_request_temperature', 'ai_settings_temperature',
    'llm_invocation_parameters_temperature', 'gen_ai_response_time_to_first_chunk',
    'gen_ai_server_time_to_first_token', 'ai_response_ms_to_first_chunk',
] %}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'otlp_spans'), llm_analytics.source_columns(
        texts, integers, {
            'started_at': dbt.type_timestamp(),
            'first_token_at': dbt.type_timestamp(),
            'gen_ai_usage_cost': 'decimal(24, 12)',
            'llm_cost_total': 'decimal(24, 12)',
        }, numbers
    )) }}
),

-- One name for what three generations of conventions and four libraries call differently.
named as (
    select
        event_id,
        occurred_at,
        started_at,
        first_token_at,
        trace_id,
        span_id,
        parent_span_id,
        status_code,
        scope_name,
        service_name,
        service_version,
        gen_ai_operation_name as operation_name,
        openinference_span_kind,
        llm_request_type as request_type,
        ai_operation_id,
        coalesce(
            user_id, enduser_id, langfuse_user_id, traceloop_association_properties_user_id,
            ai_telemetry_metadata_user_id, gen_ai_request_user
        ) as user_id,
        coalesce(
            session_id, langfuse_session_id, traceloop_association_properties_session_id,
            ai_telemetry_metadata_session_id
        ) as session_id,
        gen_ai_conversation_id as conversation_id,
        coalesce(
            deployment_environment_name, deployment_environment, gen_ai_environment
        ) as environment,
        lower(coalesce(
            gen_ai_provider_name, gen_ai_system, llm_provider, llm_system, ai_model_provider
        )) as provider,
        coalesce(
            gen_ai_request_model, llm_request_model_name, ai_model_id, llm_model_name,
            embedding_model_name, reranker_model_name
        ) as request_model,
        coalesce(
            gen_ai_response_model, llm_response_model_name, ai_response_model
        ) as response_model,
        coalesce(gen_ai_response_id, ai_response_id, span_id) as response_id,
        gen_ai_output_type as response_format,
        coalesce(
            ai_telemetry_function_id, traceloop_workflow_name, gen_ai_agent_name
        ) as feature,
        coalesce(
            gen_ai_response_finish_reasons, gen_ai_completion_0_finish_reason,
            ai_response_finish_reason
        ) as finish_reason,
        coalesce(error_type, exception_type) as error_type,
        coalesce(gen_ai_prompt_name, langfuse_prompt_name) as prompt_name,
        coalesce(langfuse_prompt_version, llm_prompt_template_version) as prompt_version,
        coalesce(
            gen_ai_usage_input_tokens, gen_ai_usage_prompt_tokens, llm_token_count_prompt,
            ai_usage_input_tokens, ai_usage_prompt_tokens, ai_usage_tokens
        ) as input_tokens,
        coalesce(
            gen_ai_usage_output_tokens, gen_ai_usage_completion_tokens,
            llm_token_count_completion, ai_usage_output_tokens, ai_usage_completion_tokens
        ) as output_tokens,
        coalesce(
            gen_ai_usage_total_tokens, llm_usage_total_tokens, llm_token_count_total,
            ai_usage_total_tokens
        ) as total_tokens,
        coalesce(
            gen_ai_usage_cache_read_input_tokens, gen_ai_usage_details_cache_read_tokens,
            llm_token_count_prompt_details_cache_read,
            ai_usage_input_token_details_cache_read_tokens, ai_usage_cached_input_tokens
        ) as cache_read_tokens,
        coalesce(
            gen_ai_usage_cache_creation_input_tokens, gen_ai_usage_details_cache_write_tokens,
            llm_token_count_prompt_details_cache_write,
            ai_usage_input_token_details_cache_write_tokens
        ) as cache_write_tokens,
        coalesce(
            gen_ai_usage_reasoning_output_tokens, gen_ai_usage_reasoning_tokens,
            gen_ai_usage_details_reasoning_tokens, llm_usage_reasoning_tokens,
            llm_token_count_completion_details_reasoning,
            ai_usage_output_token_details_reasoning_tokens, ai_usage_reasoning_tokens
        ) as reasoning_tokens,
        ai_usage_input_token_details_no_cache_tokens as uncached_tokens,
        -- Only the Vercel AI SDK 5 names cached tokens and nothing else of them.
        coalesce(
            ai_usage_cached_input_tokens is not null
            and ai_usage_input_token_details_cache_read_tokens is null
            and gen_ai_usage_cache_read_input_tokens is null,
            false
        ) as is_ai_sdk_5,
        coalesce(
            gen_ai_request_temperature, ai_settings_temperature,
            llm_invocation_parameters_temperature
        ) as temperature,
        coalesce(
            1000 * gen_ai_response_time_to_first_chunk,
            1000 * gen_ai_server_time_to_first_token,
            ai_response_ms_to_first_chunk
        ) as first_token_ms,
        tool_call_count,
        coalesce(gen_ai_usage_cost, llm_cost_total) as logged_cost_usd,
        input_length,
        output_length,
        text_word_count,
        text_signature_1,
        text_signature_2,
        load_seq
    from landed
),

calls as (
    select
        *,
        coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) as cache_tokens,
        lower(replace(finish_reason, '-', '_')) as stop_reason,
        coalesce(
            operation_name = 'embeddings'
            or openinference_span_kind in ('EMBEDDING', 'RERANKER', 'GUARDRAIL', 'EVALUATOR')
            or request_type in ('embedding', 'rerank')
            or ai_operation_id like 'ai.embed%',
            false
        ) as is_auxiliary,
        -- Embeddings generate no tokens, and mostly do not say so.
        coalesce(
            operation_name = 'embeddings'
            or openinference_span_kind = 'EMBEDDING'
            or request_type = 'embedding'
            or ai_operation_id like 'ai.embed%',
            false
        ) as is_embedding
    from named
    where
        operation_name in ('chat', 'text_completion', 'generate_content', 'embeddings')
        or openinference_span_kind in ('LLM', 'EMBEDDING', 'RERANKER')
        or request_type in ('chat', 'completion', 'embedding', 'rerank')
        or (ai_operation_id is not null and request_model is not null)
        or (
            operation_name is null
            and openinference_span_kind is null
            and request_model is not null
        )
        -- An agent's span is one where it says what it used.
        or input_tokens is not null
        or output_tokens is not null
),

final as (
    select
        'otlp' as source,
        'otlp:' || event_id as event_id,
        cast(null as {{ dbt.type_bigint() }}) as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        service_name as app_id,
        environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        service_version as app_version,
        session_id as source_session_id,
        conversation_id,
        trace_id,
        cast(null as {{ dbt.type_bigint() }}) as conversation_turn,
        response_id,
        'otlp:' || coalesce(trace_id, event_id) as query_id,
        cast(null as {{ dbt.type_string() }}) as parent_response_id,
        case
            when is_auxiliary then 'auxiliary'
            when stop_reason in ('tool_calls', 'tool_call', 'tool_use', 'function_call') then 'step'
            when tool_call_count > 0 then 'step'
            else 'answer'
        end as call_role,
        cast(null as {{ dbt.type_bigint() }}) as attempt_number,
        output_length as response_length,
        response_format,
        cast(null as {{ dbt.type_bigint() }}) as citation_count,
        provider,
        cast(null as {{ dbt.type_string() }}) as model_version,
        request_model,
        response_model,
        total_tokens as tokens_used,
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        case when is_embedding then coalesce(output_tokens, 0) else output_tokens end
            as output_tokens,
        reasoning_tokens,
        {{ llm_analytics.otlp_token_convention('convention') }} as token_convention,
        {{ llm_analytics.milliseconds_between('started_at', 'occurred_at') }} as latency_ms,
        cast(null as {{ dbt.type_bigint() }}) as client_latency_ms,
        coalesce(
            cast(round(first_token_ms) as {{ dbt.type_bigint() }}),
            {{ llm_analytics.milliseconds_between('started_at', 'first_token_at') }}
        ) as time_to_first_token_ms,
        case
            when lower(error_type) like '%timeout%' then 'timeout'
            when status_code = 'error' or error_type is not null then 'error'
            else 'success'
        end as status,
        error_type,
        finish_reason,
        prompt_name,
        prompt_version,
        temperature,
        tool_call_count,
        cast(null as decimal(24, 12)) as tool_cost_usd,
        logged_cost_usd,
        feature,
        not is_auxiliary as implies_query,
        output_length as text_length,
        {{ llm_analytics.otlp_token_convention('evidence') }} as token_evidence,
        scope_name as instrumentation,
        span_id,
        parent_span_id,
        false as is_conversation_inferred,
        started_at,
        cast(null as {{ dbt.type_string() }}) as previous_response_id,
        input_length as query_length,
        text_word_count as query_text_word_count,
        text_signature_1 as query_text_signature_1,
        text_signature_2 as query_text_signature_2,
        load_seq
    from calls
)

select * from final
