-- One row per hour (UTC) in which calls ended, provider and model.
with

calls as (
    select * from {{ ref('int_calls') }}
),

attempts as (
    select
        {{ llm_analytics.start_of_minutes('occurred_at', 60) }} as hour_started_at,
        provider,
        model,
        is_successful_answer,
        case when is_successful_answer then latency_ms end as latency_ms,
        latency_ms as attempt_latency_ms,
        case when is_successful_answer then client_latency_ms end as client_latency_ms,
        case when is_successful_answer then time_to_first_token_ms end as time_to_first_token_ms
    from calls
    where call_role = 'answer'
),

final as (
    select
        -- what the row is about
        hour_started_at,
        provider,
        model,

        -- attempts
        count(*) as n_attempts,
        {{ llm_analytics.count_if('not is_successful_answer') }} as n_failed,

        -- latency
        count(latency_ms) as n_latency,
        {{ llm_analytics.quantile('latency_ms', 0.5) }} as latency_p50_ms,
        {{ llm_analytics.quantile('latency_ms', 0.95) }} as latency_p95_ms,
        {{ llm_analytics.quantile('latency_ms', 0.99) }} as latency_p99_ms,
        {{ llm_analytics.quantile('attempt_latency_ms', 0.95) }} as attempt_latency_p95_ms,
        count(client_latency_ms) as n_client_latency,
        {{ llm_analytics.quantile('client_latency_ms', 0.95) }} as client_latency_p95_ms,
        count(time_to_first_token_ms) as n_time_to_first_token,
        {{ llm_analytics.quantile('time_to_first_token_ms', 0.95) }} as time_to_first_token_p95_ms
    from attempts
    group by hour_started_at, provider, model
)

select * from final
