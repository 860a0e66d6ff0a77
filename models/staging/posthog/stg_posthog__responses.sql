-- One row per landed call of a model ($ai_generation, $ai_embedding), or llm_response_generated
-- event, of PostHog.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

calls as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_ai_calls'),
        llm_analytics.posthog_columns({
            'ai_event': dbt.type_string(),
            'ai_span_id': dbt.type_string(),
            'ai_parent_id': dbt.type_string(),
            'response_id': dbt.type_string(),
            'feature': dbt.type_string(),
            'ai_model': dbt.type_string(),
            'ai_provider': dbt.type_string(),
            'ai_framework': dbt.type_string(),
            'ai_lib': dbt.type_string(),
            'ai_input_tokens': dbt.type_bigint(),
            'ai_output_tokens': dbt.type_bigint(),
            'ai_cache_read_input_tokens': dbt.type_bigint(),
            'ai_cache_creation_input_tokens': dbt.type_bigint(),
            'ai_reasoning_tokens': dbt.type_bigint(),
            'ai_cache_reporting_exclusive': dbt.type_boolean(),
            'ai_latency': 'decimal(18, 6)',
            'ai_time_to_first_token': 'decimal(18, 6)',
            'ai_http_status': dbt.type_bigint(),
            'ai_is_error': dbt.type_boolean(),
            'ai_error_type': dbt.type_string(),
            'ai_stop_reason': dbt.type_string(),
            'choice_finish_reason': dbt.type_string(),
            'tool_call_count': dbt.type_bigint(),
            'ai_temperature': 'decimal(18, 6)',
            'ai_total_cost_usd': 'decimal(24, 12)',
            'ai_web_search_cost_usd': 'decimal(24, 12)',
            'ai_prompt_name': dbt.type_string(),
            'ai_prompt_version': dbt.type_string(),
            'started_at': dbt.type_timestamp(),
            'input_length': dbt.type_bigint(),
            'output_length': dbt.type_bigint(),
            'text_length': dbt.type_bigint(),
            'text_word_count': dbt.type_bigint(),
            'text_signature_1': dbt.type_bigint(),
            'text_signature_2': dbt.type_bigint(),
        })
    ) }}
),

tracked_events as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_responses'),
        llm_analytics.posthog_columns(llm_analytics.tracked_types('responses'))
    ) }}
),

-- What PostHog itself takes for granted where the event does not say it.
judged as (
    select
        *,
        lower(ai_provider) = 'anthropic'
        or lower(ai_model) like 'claude%'
        or lower(ai_model) like '%anthropic%' as is_anthropic,
        coalesce(lower(ai_provider) = 'gateway' and lower(ai_framework) = 'vercel', false)
            as is_vercel_gateway,
        coalesce(ai_is_error, false) or coalesce(ai_http_status >= 400, false) as has_failed,
        coalesce(ai_stop_reason, choice_finish_reason) as finish_reason
    from calls
),

captured as (
    select
        {{ llm_analytics.posthog_envelope() }},
        cast(null as {{ dbt.type_bigint() }}) as conversation_turn,
        -- Evaluations name a call by its event.
        coalesce(response_id, event_id) as response_id,
        'posthog:' || coalesce(ai_trace_id, event_id) as query_id,
        cast(null as {{ dbt.type_string() }}) as parent_response_id,
        case
            when ai_event = '$ai_embedding' then 'auxiliary'
            when finish_reason in ('tool_calls', 'tool-calls', 'tool_use', 'function_call')
                then 'step'
            else 'answer'
        end as call_role,
        cast(null as {{ dbt.type_bigint() }}) as attempt_number,
        output_length as response_length,
        cast(null as {{ dbt.type_string() }}) as response_format,
        cast(null as {{ dbt.type_bigint() }}) as citation_count,
        ai_provider as provider,
        cast(null as {{ dbt.type_string() }}) as model_version,
        cast(null as {{ dbt.type_string() }}) as request_model,
        ai_model as response_model,
        cast(null as {{ dbt.type_bigint() }}) as tokens_used,
        ai_input_tokens as input_tokens,
        ai_cache_read_input_tokens as cache_read_tokens,
        ai_cache_creation_input_tokens as cache_write_tokens,
        ai_output_tokens as output_tokens,
        ai_reasoning_tokens as reasoning_tokens,
        case
            when ai_cache_reporting_exclusive is not null
                then case when ai_cache_reporting_exclusive then 'exclusive' else 'inclusive' end
            when
                is_anthropic
                and (
                    not is_vercel_gateway
                    or ai_input_tokens
                    < coalesce(ai_cache_read_input_tokens, 0)
                    + coalesce(ai_cache_creation_input_tokens, 0)
                )
                then 'exclusive'
            when coalesce(ai_provider, ai_model) is not null then 'inclusive'
            else 'unknown'
        end as token_convention,
        cast(round(ai_latency * 1000) as {{ dbt.type_bigint() }}) as latency_ms,
        cast(null as {{ dbt.type_bigint() }}) as client_latency_ms,
        cast(round(ai_time_to_first_token * 1000) as {{ dbt.type_bigint() }})
            as time_to_first_token_ms,
        case
            when has_failed and ai_http_status in (408, 504) then 'timeout'
            when has_failed then 'error'
            when ai_is_error = false or ai_http_status between 200 and 299 then 'success'
        end as status,
        case
            when has_failed then
                coalesce(
                    ai_error_type, cast(ai_http_status as {{ dbt.type_string() }}), '_OTHER'
                )
        end as error_type,
        finish_reason,
        ai_prompt_name as prompt_name,
        ai_prompt_version as prompt_version,
        ai_temperature as temperature,
        tool_call_count,
        ai_web_search_cost_usd as tool_cost_usd,
        cast(
            ai_total_cost_usd - coalesce(ai_web_search_cost_usd, 0) as decimal(24, 12)
        ) as logged_cost_usd,
        feature,
        ai_event = '$ai_generation' as implies_query,
        output_length as text_length,
        case
            when ai_cache_reporting_exclusive is not null then '$ai_cache_reporting_exclusive'
            when coalesce(ai_provider, ai_model) is not null then 'provider'
        end as token_evidence,
        coalesce(ai_framework, ai_lib, lib) as instrumentation,
        ai_span_id as span_id,
        -- The parent of a call at the top is the trace.
        nullif(ai_parent_id, ai_trace_id) as parent_span_id,
        false as is_conversation_inferred,
        started_at,
        cast(null as {{ dbt.type_string() }}) as previous_response_id,
        coalesce(text_length, input_length) as query_length,
        text_word_count as query_text_word_count,
        text_signature_1 as query_text_signature_1,
        text_signature_2 as query_text_signature_2,
        load_seq
    from judged
),

tracked as (
    select
        {{ llm_analytics.posthog_envelope() }},
        {{ llm_analytics.tracked_columns('responses', 'posthog') }},
        load_seq
    from tracked_events
),

final as (
    select * from captured
    union all
    select * from tracked
)

select * from final
