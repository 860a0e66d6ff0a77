-- One row per reporting date, kind of score (rating, csat, nps) and score: how often it was given.
-- Stars are dated by the answer they are for, surveys by their own date.
with

feedback as (
    select * from {{ ref('fct_feedback') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

scored as (
    select
        coalesce(calls.response_date, feedback.feedback_date) as date_day,
        feedback.feedback_type,
        feedback.feedback_score as score
    from feedback
    left join calls
        -- Not a condition of its own: DuckDB would compare each score with each call.
        on
            case when feedback.feedback_type = 'rating' then feedback.response_event_id end
            = calls.response_event_id
    where
        feedback.is_standing
        and feedback.feedback_type in ('rating', 'csat', 'nps')
        and feedback.feedback_score is not null
),

final as (
    select
        date_day,
        feedback_type,
        cast(score as decimal(38, 12)) as score,
        count(*) as n_answers
    from scored
    group by date_day, feedback_type, score
)

select * from final
