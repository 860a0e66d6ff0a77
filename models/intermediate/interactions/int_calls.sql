-- One row per call that counts, those of excluded users left out, with what marts read from a call.
{{ config(materialized='view') }}

with

response_matches as (
    select * from {{ ref('int_response_matches') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

final as (
    select
        response_matches.event_id as response_event_id,
        response_matches.response_id,
        response_matches.parent_response_id,
        response_matches.interaction_id,
        response_matches.match_rule,
        response_matches.resolved_user_id as user_id,
        response_matches.conversation_id,
        response_matches.trace_id,
        response_matches.account_id,
        response_matches.app_id,
        response_matches.environment,
        response_matches.platform,
        response_matches.app_version,
        response_matches.source,
        response_matches.call_role,
        response_matches.attempt_number,
        response_matches.provider,
        response_matches.model,
        response_matches.priced_model,
        response_matches.request_model,
        response_matches.response_model,
        response_matches.model_version,
        response_matches.prompt_name,
        response_matches.prompt_version,
        response_matches.temperature,
        response_matches.feature,
        response_matches.response_length,
        response_matches.response_format,
        response_matches.citation_count,
        response_matches.input_tokens,
        response_matches.cache_read_tokens,
        response_matches.cache_write_tokens,
        response_matches.output_tokens,
        response_matches.reasoning_tokens,
        coalesce(
            response_matches.input_tokens + response_matches.output_tokens,
            response_matches.tokens_used
        ) as total_tokens,
        {{ llm_analytics.valid_ms('response_matches.latency_ms') }} as latency_ms,
        {{ llm_analytics.valid_ms('response_matches.client_latency_ms') }} as client_latency_ms,
        {{ llm_analytics.valid_ms('response_matches.time_to_first_token_ms') }}
            as time_to_first_token_ms,
        coalesce(response_matches.latency_ms < 0, false) as is_latency_negative,
        response_matches.status,
        response_matches.error_type,
        response_matches.finish_reason,
        response_matches.is_success,
        {{ llm_analytics.is_successful_answer(
            'response_matches.call_role', 'response_matches.is_success'
        ) }} as is_successful_answer,
        {{ llm_analytics.is_truncated('response_matches.finish_reason') }} as is_truncated,
        {{ llm_analytics.is_filtered('response_matches.status', 'response_matches.finish_reason') }}
            as is_filtered,
        response_matches.tool_call_count,
        response_matches.cost_usd,
        response_matches.cost_low_usd,
        response_matches.cost_high_usd,
        response_matches.cost_basis,
        response_matches.tool_cost_usd,
        response_matches.logged_cost_usd,
        response_matches.occurred_at,
        {{ llm_analytics.reporting_date('response_matches.occurred_at') }} as response_date
    from response_matches
    left join excluded_users
        on response_matches.resolved_user_id = excluded_users.user_id
    where
        response_matches.is_current
        and excluded_users.user_id is null
)

select * from final
