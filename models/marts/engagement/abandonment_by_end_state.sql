-- One row per end state: after how many of the interactions that left their user in it the session
-- was over without a goal. Oversized sessions are left out.
with

sessions as (
    select * from {{ ref('fct_sessions') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

closed_sessions as (
    select
        session_id,
        end_state,
        coalesce(is_completed, false) as is_completed
    from sessions
    where
        {{ llm_analytics.is_closed('last_activity_at', ['queries', 'responses']) }}
        and not is_oversized
        and n_queries > 0
),

abandoned as (
    select
        end_state,
        {{ llm_analytics.count_if('not is_completed') }} as n_abandoned,
        count(*) as n_last
    from closed_sessions
    group by end_state
),

reached as (
    select
        interactions.end_state,
        count(*) as n_interactions
    from interactions
    inner join closed_sessions
        on interactions.session_id = closed_sessions.session_id
    group by interactions.end_state
),

final as (
    select
        reached.end_state,
        reached.n_interactions,
        coalesce(abandoned.n_last, 0) as n_last,
        coalesce(abandoned.n_abandoned, 0) as n_abandoned,
        {{ llm_analytics.ratio('coalesce(abandoned.n_abandoned, 0)', 'reached.n_interactions') }}
            as abandonment_rate
    from reached
    left join abandoned
        on reached.end_state = abandoned.end_state
)

select * from final
