-- One row per reporting date of the query: did its user get an answer in time?
with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

mature as (
    select
        interaction_id,
        interaction_date as date_day,
        answered_at,
        answer_due_at,
        n_attempts - n_failed_attempts as n_successes
    from interactions
    where answer_due_at <= {{ llm_analytics.as_of(['queries', 'responses']) }}
),

-- The answer of an interaction is its last success; one that came in time may have been before it.
first_successes as (
    select
        calls.interaction_id,
        min(calls.occurred_at) as first_success_at
    from calls
    inner join mature
        on calls.interaction_id = mature.interaction_id
    where
        calls.is_successful_answer
        and mature.n_successes > 1
        and mature.answered_at > mature.answer_due_at
    group by calls.interaction_id
),

outcomes as (
    select
        mature.date_day,
        coalesce(
            coalesce(first_successes.first_success_at, mature.answered_at)
            <= mature.answer_due_at,
            false
        ) as is_served
    from mature
    left join first_successes
        on mature.interaction_id = first_successes.interaction_id
),

final as (
    select
        date_day,
        count(*) as n_mature_queries,
        {{ llm_analytics.count_if('not is_served') }} as n_failed_queries,
        {{ llm_analytics.ratio(llm_analytics.count_if('not is_served'), 'count(*)') }}
            as user_error_rate
    from outcomes
    group by date_day
)

select * from final
