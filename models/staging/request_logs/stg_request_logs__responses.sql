-- One row per landed call of a request log; one id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('request_logs')) }}

{% set texts = [
    'user_id', 'account_id', 'app_id', 'environment', 'platform', 'app_version', 'session_id',
    'conversation_id', 'trace_id', 'previous_response_id', 'dialogue_key', 'turn_key',
    'response_id', 'provider', 'url_host', 'url_path', 'request_model', 'response_model',
    'object', 'type', 'status', 'response_status', 'error_type', 'finish_reason',
    'response_format', 'prompt_name', 'prompt_version', 'feature',
] %}
{% set integers = [
    'user_message_count', 'http_status_code', 'latency_ms', 'time_to_first_token_ms',
    'tool_call_count', 'citation_count', 'usage_prompt_tokens', 'usage_completion_tokens',
    'usage_input_tokens', 'usage_output_tokens', 'usage_total_tokens',
    'usage_prompt_tokens_details_cached_tokens',
    'usage_prompt_tokens_details_cache_write_tokens',
    'usage_prompt_tokens_details_cache_creation_tokens',
    'usage_completion_tokens_details_reasoning_tokens',
    'usage_input_tokens_details_cached_tokens', 'usage_input_tokens_details_cache_write_tokens',
    'usage_output_tokens_details_reasoning_tokens',
    'usage_output_tokens_details_thinking_tokens', 'usage_cache_read_input_tokens',
    'usage_cache_creation_input_tokens', 'usage_prompt_cache_hit_tokens',
    'usage_prompt_cache_miss_tokens', 'usage_cached_tokens', 'usage_num_cached_tokens',
    'usage_cached_prompt_text_tokens', 'usage_reasoning_tokens',
    'usage_billed_units_input_tokens', 'usage_billed_units_output_tokens',
    'usage_tokens_input_tokens', 'usage_tokens_output_tokens', 'usage_converse_input_tokens',
    'usage_converse_output_tokens', 'usage_converse_total_tokens',
    'usage_converse_cache_read_input_tokens', 'usage_converse_cache_write_input_tokens',
    'usage_metadata_prompt_token_count', 'usage_metadata_candidates_token_count',
    'usage_metadata_thoughts_token_count', 'usage_metadata_cached_content_token_count',
    'usage_metadata_tool_use_prompt_token_count', 'usage_metadata_total_token_count',
    'input_length', 'output_length', 'text_word_count', 'text_signature_1', 'text_signature_2',
] %}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'request_logs_calls'),
        llm_analytics.source_columns(texts, integers, {
            'started_at': dbt.type_timestamp(),
            'is_tool_continuation': dbt.type_boolean(),
            'usage_cost': 'decimal(24, 12)',
            'logged_cost_usd': 'decimal(24, 12)',
        }, ['temperature'])
    ) }}
),

-- One name for what each provider calls differently.
counted as (
    select
        *,
        coalesce(
            usage_prompt_tokens, usage_input_tokens, usage_converse_input_tokens,
            usage_metadata_prompt_token_count
            + coalesce(usage_metadata_tool_use_prompt_token_count, 0),
            usage_billed_units_input_tokens
        ) as input_tokens,
        coalesce(
            usage_prompt_tokens_details_cached_tokens, usage_input_tokens_details_cached_tokens,
            usage_cache_read_input_tokens, usage_prompt_cache_hit_tokens,
            usage_num_cached_tokens, usage_cached_prompt_text_tokens,
            case when usage_prompt_tokens is not null then usage_cached_tokens end,
            usage_converse_cache_read_input_tokens, usage_metadata_cached_content_token_count
        ) as cache_read_tokens,
        coalesce(
            usage_prompt_tokens_details_cache_write_tokens,
            usage_prompt_tokens_details_cache_creation_tokens,
            usage_input_tokens_details_cache_write_tokens, usage_cache_creation_input_tokens,
            usage_converse_cache_write_input_tokens
        ) as cache_write_tokens,
        coalesce(
            usage_completion_tokens, usage_output_tokens, usage_converse_output_tokens,
            usage_billed_units_output_tokens,
            case
                when usage_metadata_prompt_token_count is not null
                    then coalesce(usage_metadata_candidates_token_count, 0)
            end
        ) as said_output_tokens,
        coalesce(
            usage_completion_tokens_details_reasoning_tokens,
            usage_output_tokens_details_reasoning_tokens,
            usage_output_tokens_details_thinking_tokens, usage_metadata_thoughts_token_count,
            usage_reasoning_tokens
        ) as reasoning_tokens,
        coalesce(
            usage_total_tokens, usage_converse_total_tokens, usage_metadata_total_token_count
        ) as total_tokens
    from landed
),

calls as (
    select
        *,
        coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) as cache_tokens,
        -- Gemini always counts its thoughts apart, others say so by their sum; some leave out an
        -- output of nothing.
        case
            when usage_metadata_prompt_token_count is not null
                then said_output_tokens + coalesce(reasoning_tokens, 0)
            when
                reasoning_tokens > 0
                and total_tokens = input_tokens + said_output_tokens + reasoning_tokens
                then said_output_tokens + reasoning_tokens
            when said_output_tokens is null and total_tokens = input_tokens then 0
            else said_output_tokens
        end as output_tokens,
        coalesce(
            url_path like '%/embeddings' or url_path like '%:embedContent'
            or url_path like '%:batchEmbedContents' or url_path like '%/moderations'
            or url_path like '%/rerank' or url_path like '%/count_tokens'
            or url_path like '%:countTokens' or url_path like '%/audio/%'
            or url_path like '%/images/%' or object = 'list',
            false
        ) as is_auxiliary,
        coalesce(tool_call_count > 0, false)
        or coalesce(
            lower(finish_reason) in ('tool_calls', 'tool_use', 'function_call', 'pause_turn'),
            false
        ) as calls_tools
    from counted
),

final as (
    select
        'request_logs' as source,
        'request_logs:' || event_id as event_id,
        cast(null as {{ dbt.type_bigint() }}) as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        account_id,
        app_id,
        environment,
        platform,
        app_version,
        session_id as source_session_id,
        coalesce(
            conversation_id,
            case when session_id is null and previous_response_id is null then dialogue_key end
        ) as conversation_id,
        trace_id,
        -- A request that names what it continues does not repeat the messages before it.
        case
            when
                previous_response_id is null
                and (conversation_id is null or coalesce(object, '') <> 'response')
                then user_message_count
        end as conversation_turn,
        response_id,
        -- The calls of an agent's loop serve the message that began it; another call its own.
        case
            when is_auxiliary then null
            when calls_tools or is_tool_continuation then 'request_logs:' || turn_key
            else 'request_logs:' || event_id
        end as query_id,
        cast(null as {{ dbt.type_string() }}) as parent_response_id,
        case
            when is_auxiliary then 'auxiliary'
            when calls_tools then 'step'
            else 'answer'
        end as call_role,
        cast(null as {{ dbt.type_bigint() }}) as attempt_number,
        output_length as response_length,
        response_format,
        citation_count,
        {{ llm_analytics.provider_of_host('provider', 'url_host') }} as provider,
        cast(null as {{ dbt.type_string() }}) as model_version,
        request_model,
        response_model,
        total_tokens as tokens_used,
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        {{ llm_analytics.request_logs_token_convention('convention') }} as token_convention,
        latency_ms,
        cast(null as {{ dbt.type_bigint() }}) as client_latency_ms,
        time_to_first_token_ms,
        {{ llm_analytics.status_of_logged_call() }} as status,
        coalesce(
            error_type,
            case
                when http_status_code >= 400
                    then 'http_' || cast(http_status_code as {{ dbt.type_string() }})
            end
        ) as error_type,
        lower(finish_reason) as finish_reason,
        prompt_name,
        prompt_version,
        temperature,
        tool_call_count,
        cast(null as decimal(24, 12)) as tool_cost_usd,
        coalesce(logged_cost_usd, usage_cost) as logged_cost_usd,
        feature,
        not is_auxiliary and (turn_key is not null or is_tool_continuation is null)
            as implies_query,
        output_length as text_length,
        {{ llm_analytics.request_logs_token_convention('evidence') }} as token_evidence,
        cast(null as {{ dbt.type_string() }}) as instrumentation,
        cast(null as {{ dbt.type_string() }}) as span_id,
        cast(null as {{ dbt.type_string() }}) as parent_span_id,
        coalesce(conversation_id, session_id, previous_response_id) is null
        and dialogue_key is not null as is_conversation_inferred,
        started_at,
        previous_response_id,
        input_length as query_length,
        text_word_count as query_text_word_count,
        text_signature_1 as query_text_signature_1,
        text_signature_2 as query_text_signature_2,
        load_seq
    from calls
)

select * from final
