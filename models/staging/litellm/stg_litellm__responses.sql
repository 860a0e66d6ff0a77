-- One row per landed row of LiteLLM's spend logs; one id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('litellm')) }}

{% set texts = [
    'call_type', 'model', 'model_group', 'custom_llm_provider', 'end_user', 'team_id',
    'organization_id', 'user_api_key_team_id', 'user_api_key_org_id', 'agent_id', 'session_id',
    'trace_id', 'conversation_id', 'status', 'error_class', 'error_code', 'cache_hit',
    'finish_reason', 'feature', 'environment', 'dialogue_key', 'turn_key',
] %}
{% set integers = [
    'prompt_tokens', 'completion_tokens', 'total_tokens', 'usage_object_prompt_tokens',
    'usage_object_completion_tokens', 'usage_object_total_tokens', 'usage_object_input_tokens',
    'usage_object_output_tokens', 'usage_object_prompt_tokens_details_cached_tokens',
    'usage_object_prompt_tokens_details_cache_creation_tokens',
    'usage_object_completion_tokens_details_reasoning_tokens',
    'usage_object_input_tokens_details_cached_tokens',
    'usage_object_output_tokens_details_reasoning_tokens',
    'usage_object_cache_read_input_tokens', 'usage_object_cache_creation_input_tokens',
    'additional_usage_prompt_tokens', 'additional_usage_completion_tokens',
    'additional_usage_total_tokens', 'additional_usage_input_tokens',
    'additional_usage_output_tokens', 'additional_usage_prompt_tokens_details_cached_tokens',
    'additional_usage_prompt_tokens_details_cache_creation_tokens',
    'additional_usage_completion_tokens_details_reasoning_tokens',
    'additional_usage_input_tokens_details_cached_tokens',
    'additional_usage_output_tokens_details_reasoning_tokens',
    'additional_usage_cache_read_input_tokens', 'additional_usage_cache_creation_input_tokens',
    'user_message_count', 'tool_call_count', 'input_length', 'output_length', 'text_word_count',
    'text_signature_1', 'text_signature_2',
] %}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'litellm_spend_logs'),
        llm_analytics.source_columns(texts, integers, {
            'started_at': dbt.type_timestamp(),
            'completion_started_at': dbt.type_timestamp(),
            'is_session_of_client': dbt.type_boolean(),
            'spend': 'decimal(24, 12)',
            'is_tool_continuation': dbt.type_boolean(),
        })
    ) }}
),

-- The whole usage of the provider decides, then what LiteLLM kept of it, then its columns.
counted as (
    select
        *,
        -- An answer from the proxy's own cache gets an id of its own. It used no tokens.
        position('_cache_hit' in event_id) > 0 as is_from_cache,
        coalesce(
            usage_object_prompt_tokens, usage_object_input_tokens, prompt_tokens
        ) as input_tokens,
        coalesce(
            usage_object_completion_tokens, usage_object_output_tokens,
            completion_tokens
        ) as output_tokens,
        coalesce(
            usage_object_prompt_tokens_details_cached_tokens,
            usage_object_cache_read_input_tokens,
            usage_object_input_tokens_details_cached_tokens,
            additional_usage_prompt_tokens_details_cached_tokens,
            additional_usage_cache_read_input_tokens,
            additional_usage_input_tokens_details_cached_tokens
        ) as cache_read_tokens,
        coalesce(
            usage_object_cache_creation_input_tokens,
            usage_object_prompt_tokens_details_cache_creation_tokens,
            additional_usage_cache_creation_input_tokens,
            additional_usage_prompt_tokens_details_cache_creation_tokens
        ) as cache_write_tokens,
        coalesce(
            usage_object_completion_tokens_details_reasoning_tokens,
            usage_object_output_tokens_details_reasoning_tokens,
            additional_usage_completion_tokens_details_reasoning_tokens,
            additional_usage_output_tokens_details_reasoning_tokens
        ) as reasoning_tokens
    from landed
),

calls as (
    select
        *,
        coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) as cache_tokens,
        case when session_id is null or is_session_of_client is null then dialogue_key end
            as inferred_conversation_id,
        coalesce(
            call_type not in ('', 'unknown')
            and call_type not like '%completion%'
            and call_type not like '%responses%'
            and call_type not like '%messages%'
            and call_type not like '%generate_content%'
            and call_type not like '%passthrough%'
            and call_type not like '%pass_through%'
            and call_type not like '%send_message%',
            false
        ) as is_auxiliary,
        coalesce(tool_call_count > 0, false)
        or coalesce(
            lower(finish_reason) in ('tool_calls', 'tool_use', 'function_call'), false
        ) as calls_tools
    from counted
),

final as (
    select
        'litellm' as source,
        'litellm:' || event_id as event_id,
        cast(null as {{ dbt.type_bigint() }}) as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        end_user as user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        coalesce(
            organization_id, user_api_key_org_id, team_id, user_api_key_team_id
        ) as account_id,
        cast(null as {{ dbt.type_string() }}) as app_id,
        environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        cast(null as {{ dbt.type_string() }}) as app_version,
        session_id as source_session_id,
        coalesce(conversation_id, inferred_conversation_id) as conversation_id,
        trace_id,
        user_message_count as conversation_turn,
        event_id as response_id,
        -- The calls of an agent's loop serve the message that began it; another call its own.
        case
            when is_auxiliary then null
            when calls_tools or is_tool_continuation then 'litellm:' || turn_key
            else 'litellm:' || event_id
        end as query_id,
        cast(null as {{ dbt.type_string() }}) as parent_response_id,
        case
            when is_auxiliary then 'auxiliary'
            when calls_tools then 'step'
            else 'answer'
        end as call_role,
        cast(null as {{ dbt.type_bigint() }}) as attempt_number,
        output_length as response_length,
        cast(null as {{ dbt.type_string() }}) as response_format,
        cast(null as {{ dbt.type_bigint() }}) as citation_count,
        lower(custom_llm_provider) as provider,
        cast(null as {{ dbt.type_string() }}) as model_version,
        model_group as request_model,
        model as response_model,
        case when not is_from_cache then total_tokens end as tokens_used,
        case when not is_from_cache then input_tokens end as input_tokens,
        case when not is_from_cache then cache_read_tokens end as cache_read_tokens,
        case when not is_from_cache then cache_write_tokens end as cache_write_tokens,
        case when not is_from_cache then output_tokens end as output_tokens,
        case when not is_from_cache then reasoning_tokens end as reasoning_tokens,
        {{ llm_analytics.litellm_token_convention('convention') }} as token_convention,
        {{ llm_analytics.milliseconds_between('started_at', 'occurred_at') }} as latency_ms,
        cast(null as {{ dbt.type_bigint() }}) as client_latency_ms,
        -- A call that does not stream is said to begin its answer when it ends.
        case
            when completion_started_at < occurred_at
                then
                    {{ llm_analytics.milliseconds_between(
                        'started_at', 'completion_started_at'
                    ) }}
        end as time_to_first_token_ms,
        case
            when lower(error_class) like '%timeout%' then 'timeout'
            when lower(error_class) like '%contentpolicy%' then 'filtered'
            when status = 'failure' then 'error'
            when status = 'success' then 'success'
        end as status,
        coalesce(error_class, case when status = 'failure' then coalesce(error_code, 'error') end)
            as error_type,
        lower(finish_reason) as finish_reason,
        cast(null as {{ dbt.type_string() }}) as prompt_name,
        cast(null as {{ dbt.type_string() }}) as prompt_version,
        cast(null as decimal(18, 6)) as temperature,
        tool_call_count,
        cast(null as decimal(24, 12)) as tool_cost_usd,
        spend as logged_cost_usd,
        feature,
        not is_auxiliary and (turn_key is not null or is_tool_continuation is null)
            as implies_query,
        output_length as text_length,
        {{ llm_analytics.litellm_token_convention('evidence') }} as token_evidence,
        'litellm' as instrumentation,
        cast(null as {{ dbt.type_string() }}) as span_id,
        cast(null as {{ dbt.type_string() }}) as parent_span_id,
        conversation_id is null and inferred_conversation_id is not null
            as is_conversation_inferred,
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
