-- Are we maintaining quality? The days with enough votes, the worst first by how far their thumbs
-- are below those of all days in standard errors; beside them what a judge said of the same days.
with

days as (
    select
        date_day,
        n_up,
        n_up + n_down as n_votes
    from {{ ref('satisfaction_daily') }}
    where n_up + n_down >= 20
),

all_days as (
    select {{ llm_analytics.ratio('sum(n_up)', 'sum(n_votes)') }} as usual_ratio
    from days
),

judged as (
    select
        date_day,
        {{ llm_analytics.ratio('sum(n_correct)', 'sum(n_correct + n_incorrect)') }}
            as judge_accuracy
    from {{ ref('evaluation_scores_daily') }}
    where evaluator_kind = 'judge'
    group by date_day
)

select
    days.date_day,
    days.n_votes,
    {{ llm_analytics.ratio('days.n_up', 'days.n_votes') }} as thumbs_ratio,
    all_days.usual_ratio,
    ({{ llm_analytics.ratio('days.n_up', 'days.n_votes') }} - all_days.usual_ratio)
    / sqrt(all_days.usual_ratio * (1 - all_days.usual_ratio) / days.n_votes) as n_errors_off,
    judged.judge_accuracy
from days
cross join all_days
left join judged
    on days.date_day = judged.date_day
order by n_errors_off
limit 10
