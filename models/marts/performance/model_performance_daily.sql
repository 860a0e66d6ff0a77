-- One row per reporting date of the call, provider and model.
with

calls as (
    select * from {{ ref('int_calls') }}
),

outcomes as (
    select
        response_date as date_day,
        provider,
        model,
        call_role = 'answer' as is_attempt,
        is_successful_answer,
        call_role = 'answer' and not is_success as is_failed_attempt,
        is_truncated,
        is_filtered,
        status,
        is_latency_negative,
        case when is_successful_answer then latency_ms end as latency_ms,
        case when call_role = 'answer' then latency_ms end as attempt_latency_ms,
        case when is_successful_answer then client_latency_ms end as client_latency_ms,
        case when is_successful_answer then time_to_first_token_ms end as time_to_first_token_ms,
        case when is_successful_answer then output_tokens end as answer_output_tokens,
        input_tokens,
        output_tokens
    from calls
),

final as (
    select
        -- what the row is about
        date_day,
        provider,
        model,

        -- attempts
        count(*) as n_calls,
        {{ llm_analytics.count_if('is_attempt') }} as n_attempts,
        {{ llm_analytics.count_if('is_failed_attempt') }} as n_failed,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('is_failed_attempt'), llm_analytics.count_if('is_attempt')
        ) }} as error_rate,
        {{ llm_analytics.count_if("is_attempt and status = 'timeout'") }} as n_timeouts,
        {{ llm_analytics.count_if("is_attempt and status = 'malformed'") }} as n_malformed,
        {{ llm_analytics.count_if('is_attempt and is_filtered') }} as n_filtered,
        {{ llm_analytics.count_if('is_attempt and is_truncated') }} as n_truncated,

        -- latency
        count(latency_ms) as n_latency,
        {{ llm_analytics.quantile('latency_ms', 0.5) }} as latency_p50_ms,
        {{ llm_analytics.quantile('latency_ms', 0.95) }} as latency_p95_ms,
        {{ llm_analytics.quantile('latency_ms', 0.99) }} as latency_p99_ms,
        count(attempt_latency_ms) as n_attempt_latency,
        {{ llm_analytics.quantile('attempt_latency_ms', 0.5) }} as attempt_latency_p50_ms,
        {{ llm_analytics.quantile('attempt_latency_ms', 0.95) }} as attempt_latency_p95_ms,
        {{ llm_analytics.quantile('attempt_latency_ms', 0.99) }} as attempt_latency_p99_ms,
        count(client_latency_ms) as n_client_latency,
        {{ llm_analytics.quantile('client_latency_ms', 0.5) }} as client_latency_p50_ms,
        {{ llm_analytics.quantile('client_latency_ms', 0.95) }} as client_latency_p95_ms,
        count(time_to_first_token_ms) as n_time_to_first_token,
        {{ llm_analytics.quantile('time_to_first_token_ms', 0.5) }} as time_to_first_token_p50_ms,
        {{ llm_analytics.quantile('time_to_first_token_ms', 0.95) }} as time_to_first_token_p95_ms,
        {{ llm_analytics.count_if('is_latency_negative') }} as n_negative_latency,

        -- tokens
        count(answer_output_tokens) as n_answers_with_tokens,
        {{ llm_analytics.sum_integer('answer_output_tokens') }} as answer_output_tokens,
        {{ llm_analytics.ratio('sum(answer_output_tokens)', 'count(answer_output_tokens)') }}
            as tokens_per_answer,
        {{ llm_analytics.sum_integer('input_tokens') }} as input_tokens,
        {{ llm_analytics.sum_integer('output_tokens') }} as output_tokens
    from outcomes
    group by date_day, provider, model
)

select * from final
