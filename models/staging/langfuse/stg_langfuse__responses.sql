-- One row per landed observation that is a call of a model: generations, embeddings, and others
-- that say what they used. One id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('langfuse')) }}

{% set texts = [
    'environment', 'trace_id', 'parent_observation_id', 'type', 'level', 'version', 'user_id',
    'session_id', 'trace_name', 'release', 'provided_model_name', 'prompt_name', 'prompt_version',
    'metadata_gen_ai_provider_name', 'metadata_gen_ai_system', 'metadata_llm_provider',
    'metadata_llm_system', 'metadata_ls_provider', 'metadata_gen_ai_response_finish_reasons',
    'metadata_scope_name', 'output_finish_reason',
] %}
{% set integers = [
    'usage_details_input', 'usage_details_output', 'usage_details_total',
    'usage_details_input_tokens', 'usage_details_output_tokens', 'usage_details_prompt_tokens',
    'usage_details_completion_tokens', 'usage_details_total_tokens',
    'usage_details_input_cached_tokens', 'usage_details_input_cache_read',
    'usage_details_input_cache_read_input_tokens', 'usage_details_cache_read_input_tokens',
    'usage_details_prompt_details_cache_read', 'usage_details_input_cache_creation',
    'usage_details_input_cache_creation_5m', 'usage_details_input_cache_creation_1h',
    'usage_details_input_cache_write', 'usage_details_cache_creation_input_tokens',
    'usage_details_prompt_details_cache_write', 'usage_details_output_reasoning_tokens',
    'usage_details_output_reasoning', 'usage_details_reasoning_tokens',
    'usage_details_completion_details_reasoning', 'usage_details_other_input',
    'usage_details_other_output', 'input_usage', 'output_usage', 'total_usage',
    'tool_call_count', 'input_length', 'output_length', 'text_word_count', 'text_signature_1',
    'text_signature_2',
] %}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'langfuse_observations'),
        llm_analytics.source_columns(texts, integers, {
            'updated_at': dbt.type_timestamp(),
            'started_at': dbt.type_timestamp(),
            'ended_at': dbt.type_timestamp(),
            'completion_started_at': dbt.type_timestamp(),
            'total_cost': 'decimal(24, 12)',
            'cost_details_total': 'decimal(24, 12)',
        }, ['temperature', 'latency', 'time_to_first_token'])
    ) }}
),

-- Usage maps have the same kinds of tokens under several keys.
counted as (
    select
        *,
        coalesce(
            usage_details_input, usage_details_input_tokens, usage_details_prompt_tokens
        ) as input_bucket,
        coalesce(
            usage_details_output, usage_details_output_tokens, usage_details_completion_tokens
        ) as output_bucket,
        coalesce(usage_details_total, usage_details_total_tokens) as total_tokens,
        coalesce(
            usage_details_input_cached_tokens, usage_details_input_cache_read,
            usage_details_input_cache_read_input_tokens, usage_details_cache_read_input_tokens,
            usage_details_prompt_details_cache_read
        ) as cache_read_tokens,
        -- Writes may be split by how long they are kept, with the rest under the shorter key.
        case
            when
                usage_details_input_cache_creation is not null
                or usage_details_input_cache_creation_5m is not null
                or usage_details_input_cache_creation_1h is not null
                then
                    coalesce(usage_details_input_cache_creation, 0)
                    + coalesce(usage_details_input_cache_creation_5m, 0)
                    + coalesce(usage_details_input_cache_creation_1h, 0)
            else
                coalesce(
                    usage_details_input_cache_write, usage_details_cache_creation_input_tokens,
                    usage_details_prompt_details_cache_write
                )
        end as cache_write_tokens,
        coalesce(
            usage_details_output_reasoning_tokens, usage_details_output_reasoning,
            usage_details_reasoning_tokens, usage_details_completion_details_reasoning
        ) as reasoning_tokens,
        -- OpenInference's counts contain their details; all others stand beside each other.
        coalesce(
            usage_details_prompt_details_cache_read, usage_details_prompt_details_cache_write,
            usage_details_completion_details_reasoning
        ) is not null as has_details_within
    from landed
),

calls as (
    select
        *,
        case
            when has_details_within then output_bucket
            else
                output_bucket
                + coalesce(usage_details_output_reasoning_tokens, usage_details_output_reasoning, 0)
                + coalesce(usage_details_other_output, 0)
        end as output_tokens,
        coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) as cache_tokens,
        lower(coalesce(metadata_gen_ai_response_finish_reasons, output_finish_reason))
            as finish_reason,
        -- Milliseconds stand for what the times say: enriched exports have known both units.
        case
            when
                latency > 0
                and {{ llm_analytics.microseconds_between('started_at', 'ended_at') }} > 0
                and abs(
                    latency * 1000 - {{ llm_analytics.microseconds_between(
                        'started_at', 'ended_at'
                    ) }}
                ) <= 1000
                then 1
            else 1000
        end as unit_ms,
        coalesce(
            type in ('EMBEDDING', 'GUARDRAIL', 'EVALUATOR', 'RETRIEVER')
            or {{ llm_analytics.is_langfuse_internal('environment') }},
            false
        ) as is_auxiliary
    from counted
    where
        type in ('GENERATION', 'EMBEDDING')
        or input_bucket is not null
        or output_bucket is not null
),

final as (
    select
        'langfuse' as source,
        'langfuse:' || event_id as event_id,
        -- The enriched export has the same observation with its user and session.
        2 * {{ llm_analytics.epoch_microseconds('updated_at') }}
        + case when coalesce(user_id, session_id, trace_name) is null then 0 else 1 end
            as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as app_id,
        environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        coalesce(release, version) as app_version,
        session_id as source_session_id,
        cast(null as {{ dbt.type_string() }}) as conversation_id,
        trace_id,
        cast(null as {{ dbt.type_bigint() }}) as conversation_turn,
        event_id as response_id,
        'langfuse:' || coalesce(trace_id, event_id) as query_id,
        cast(null as {{ dbt.type_string() }}) as parent_response_id,
        case
            when is_auxiliary then 'auxiliary'
            when finish_reason in ('tool_calls', 'tool_call', 'tool_use', 'function_call')
                then 'step'
            when tool_call_count > 0 then 'step'
            else 'answer'
        end as call_role,
        cast(null as {{ dbt.type_bigint() }}) as attempt_number,
        output_length as response_length,
        cast(null as {{ dbt.type_string() }}) as response_format,
        cast(null as {{ dbt.type_bigint() }}) as citation_count,
        lower(coalesce(
            metadata_gen_ai_provider_name, metadata_llm_provider, metadata_gen_ai_system,
            metadata_llm_system, metadata_ls_provider
        )) as provider,
        cast(null as {{ dbt.type_string() }}) as model_version,
        provided_model_name as request_model,
        cast(null as {{ dbt.type_string() }}) as response_model,
        coalesce(total_tokens, nullif(total_usage, 0)) as tokens_used,
        coalesce(
            input_bucket + coalesce(usage_details_other_input, 0), nullif(input_usage, 0)
        ) as input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        coalesce(
            output_tokens,
            case when type = 'EMBEDDING' then 0 end,
            case when total_tokens in (input_bucket, input_bucket + cache_tokens) then 0 end,
            case when input_bucket is null then nullif(output_usage, 0) end
        ) as output_tokens,
        reasoning_tokens,
        {{ llm_analytics.langfuse_token_convention('convention') }} as token_convention,
        coalesce(
            {{ llm_analytics.milliseconds_between('started_at', 'ended_at') }},
            cast(round(latency * 1000) as {{ dbt.type_bigint() }})
        ) as latency_ms,
        cast(null as {{ dbt.type_bigint() }}) as client_latency_ms,
        coalesce(
            {{ llm_analytics.milliseconds_between('started_at', 'completion_started_at') }},
            cast(round(time_to_first_token * unit_ms) as {{ dbt.type_bigint() }})
        ) as time_to_first_token_ms,
        case when level = 'ERROR' then 'error' else 'success' end as status,
        cast(null as {{ dbt.type_string() }}) as error_type,
        finish_reason,
        prompt_name,
        prompt_version,
        temperature,
        tool_call_count,
        cast(null as decimal(24, 12)) as tool_cost_usd,
        -- 0 where no price was known.
        coalesce(cost_details_total, nullif(total_cost, 0)) as logged_cost_usd,
        trace_name as feature,
        not is_auxiliary as implies_query,
        output_length as text_length,
        {{ llm_analytics.langfuse_token_convention('evidence') }} as token_evidence,
        metadata_scope_name as instrumentation,
        event_id as span_id,
        parent_observation_id as parent_span_id,
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
