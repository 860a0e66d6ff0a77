-- One row per interaction: a query, the calls that serve it and the feedback on its answer.
{{ config(materialized='view') }}

with

interactions as (
    select * from {{ ref('int_interactions') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

final as (
    select
        -- ids
        interactions.interaction_id,
        interactions.user_id,
        interactions.session_id,
        interactions.conversation_id,
        case when interactions.is_answered then interactions.answer_event_id end as answer_id,
        interactions.account_id,

        -- strings
        interactions.app_id,
        interactions.environment,
        interactions.platform,
        interactions.app_version,
        interactions.source,
        interactions.kind,
        interactions.feature,
        interactions.end_state,
        interactions.provider,
        interactions.model,
        interactions.prompt_name,
        interactions.prompt_version,
        interactions.cost_basis,
        interactions.thumbs,
        interactions.refinement_rule,

        -- numerics
        cast(interactions.turn_number as {{ dbt.type_bigint() }}) as turn_number,
        interactions.sequence_number,
        interactions.n_calls,
        interactions.n_attempts,
        interactions.n_failed_attempts,
        greatest(interactions.n_attempts - 1, 0) as n_retries,
        interactions.n_steps,
        interactions.input_tokens,
        interactions.cache_read_tokens,
        interactions.cache_write_tokens,
        interactions.output_tokens,
        interactions.reasoning_tokens,
        interactions.total_tokens,
        interactions.answer_output_tokens,
        interactions.query_length,
        interactions.response_length,
        interactions.latency_ms,
        interactions.client_latency_ms,
        interactions.time_to_first_token_ms,
        interactions.cost_usd,
        interactions.cost_low_usd,
        interactions.cost_high_usd,
        interactions.n_unpriced_calls,
        interactions.logged_cost_usd,
        interactions.n_copies,
        interactions.n_shares,

        -- booleans
        interactions.is_answered,
        interactions.is_implied,
        interactions.refinement_rule is not null as is_refinement,
        interactions.is_signature_known,

        -- timestamps and dates
        interactions.asked_at,
        interactions.answered_at,
        interactions.answer_due_at,
        {{ llm_analytics.reporting_date('interactions.asked_at') }} as interaction_date
    from interactions
    left join excluded_users
        on interactions.user_id = excluded_users.user_id
    where excluded_users.user_id is null
)

select * from final
