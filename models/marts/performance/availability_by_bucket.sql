-- One row per five minutes (UTC) with an attempt at an answer or a probe. Others are unknown.
with

calls as (
    select * from {{ ref('int_calls') }}
),

probes as (
    select * from {{ ref('int_probes') }}
),

signs as (
    select
        {{ llm_analytics.start_of_minutes('occurred_at', 5) }} as bucket_started_at,
        count(*) as n_attempts,
        {{ llm_analytics.count_if('not is_success') }} as n_failed,
        0 as n_probes,
        0 as n_probes_down
    from calls
    where call_role = 'answer'
    group by {{ llm_analytics.start_of_minutes('occurred_at', 5) }}
    union all
    select
        {{ llm_analytics.start_of_minutes('occurred_at', 5) }} as bucket_started_at,
        0 as n_attempts,
        0 as n_failed,
        count(is_up) as n_probes,
        {{ llm_analytics.count_if('not is_up') }} as n_probes_down
    from probes
    group by {{ llm_analytics.start_of_minutes('occurred_at', 5) }}
),

totals as (
    select
        bucket_started_at,
        {{ llm_analytics.sum_integer('n_attempts') }} as n_attempts,
        {{ llm_analytics.sum_integer('n_failed') }} as n_failed,
        {{ llm_analytics.sum_integer('n_probes') }} as n_probes,
        {{ llm_analytics.sum_integer('n_probes_down') }} as n_probes_down
    from signs
    group by bucket_started_at
),

final as (
    select
        bucket_started_at,
        {{ llm_analytics.reporting_date('bucket_started_at') }} as date_day,
        n_attempts,
        n_failed,
        n_probes,
        n_probes_down,
        {{ llm_analytics.availability_state(
            'n_attempts', 'n_failed', 'n_probes', 'n_probes_down'
        ) }} as state
    from totals
)

select * from final
