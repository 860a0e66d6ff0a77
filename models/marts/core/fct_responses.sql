-- One row per call of a model, those that serve no known query included (match_rule orphan).
{{ config(materialized='view') }}

with

calls as (
    select * from {{ ref('int_calls') }}
),

interactions as (
    select * from {{ ref('int_interactions') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

-- Of several users' votes on one response the last.
votes as (
    select
        response_event_id,
        feedback_type,
        row_number() over (
            partition by response_event_id
            order by
                occurred_at desc,
                {{ llm_analytics.text_order('feedback_id') }} desc
        ) as recency
    from feedback
    where
        is_standing
        and response_event_id is not null
        and feedback_type in ('thumbs_up', 'thumbs_down')
),

final as (
    select
        -- ids
        calls.response_event_id,
        calls.response_id,
        calls.parent_response_id,
        calls.interaction_id,
        calls.user_id,
        interactions.session_id,
        coalesce(interactions.conversation_id, calls.conversation_id) as conversation_id,
        calls.account_id,

        -- strings
        calls.match_rule,
        calls.app_id,
        calls.environment,
        calls.platform,
        calls.app_version,
        calls.source,
        calls.call_role,
        calls.provider,
        calls.model,
        calls.priced_model,
        calls.request_model,
        calls.response_model,
        calls.model_version,
        calls.prompt_name,
        calls.prompt_version,
        calls.feature,
        calls.response_format,
        calls.status,
        calls.error_type,
        calls.finish_reason,
        calls.cost_basis,
        case votes.feedback_type
            when 'thumbs_up' then 'up'
            when 'thumbs_down' then 'down'
        end as thumbs,

        -- numerics
        calls.attempt_number,
        calls.temperature,
        calls.response_length,
        calls.citation_count,
        calls.input_tokens,
        calls.cache_read_tokens,
        calls.cache_write_tokens,
        calls.output_tokens,
        calls.reasoning_tokens,
        calls.total_tokens,
        calls.latency_ms,
        calls.client_latency_ms,
        calls.time_to_first_token_ms,
        calls.tool_call_count,
        calls.cost_usd,
        calls.cost_low_usd,
        calls.cost_high_usd,
        calls.tool_cost_usd,
        calls.logged_cost_usd,

        -- booleans
        calls.is_success,
        calls.is_successful_answer,
        coalesce(
            interactions.is_answered
            and interactions.answer_event_id = calls.response_event_id,
            false
        ) as is_answer,
        calls.is_truncated,
        calls.is_filtered,
        calls.is_latency_negative,

        -- timestamps and dates
        calls.occurred_at,
        calls.response_date
    from calls
    left join interactions
        on calls.interaction_id = interactions.interaction_id
    left join votes
        on
            calls.response_event_id = votes.response_event_id
            and votes.recency = 1
)

select * from final
