-- One row per reporting date of the answer, evaluator, rubric with its version, and criterion.
-- Humans and judges stay apart. What is about a whole conversation is dated by the evaluation.
with

evaluations as (
    select * from {{ ref('int_dated_evaluations') }}
),

answers as (
    select * from {{ ref('int_answer_dates') }}
),

eligible as (
    select
        date_day,
        count(*) as n_eligible
    from answers
    group by date_day
),

-- The last score of an evaluator on a thing counts; one unsupported claim is enough.
verdicts as (
    select
        date_day,
        evaluator_kind,
        evaluator_id,
        rubric,
        rubric_version,
        criterion,
        thing,
        max(case when recency = 1 then score end) as last_score,
        max(case when recency = 1 then label end) as last_label,
        max(case when label = 'unsupported' then 1 when label = 'supported' then 0 end)
            as unsupported
    from evaluations
    group by
        date_day, evaluator_kind, evaluator_id, rubric, rubric_version, criterion, thing
),

totals as (
    select
        date_day,
        evaluator_kind,
        evaluator_id,
        rubric,
        rubric_version,
        criterion,
        count(*) as n_evaluated,
        count(last_score) as n_scored,
        cast(sum(last_score) as decimal(38, 12)) as score_sum,
        {{ llm_analytics.count_if(llm_analytics.is_passed('last_score')) }} as n_passed,
        {{ llm_analytics.count_if("last_label = 'correct'") }} as n_correct,
        {{ llm_analytics.count_if("last_label = 'incorrect'") }} as n_incorrect,
        {{ llm_analytics.count_if("last_label = 'not_verifiable'") }} as n_not_verifiable,
        count(unsupported) as n_checked,
        {{ llm_analytics.count_if('unsupported = 1') }} as n_hallucinated
    from verdicts
    group by date_day, evaluator_kind, evaluator_id, rubric, rubric_version, criterion
),

final as (
    select
        -- what the row is about
        totals.date_day,
        totals.evaluator_kind,
        totals.evaluator_id,
        totals.rubric,
        totals.rubric_version,
        totals.criterion,

        -- how much was evaluated
        coalesce(eligible.n_eligible, 0) as n_eligible,
        totals.n_evaluated,

        -- scores
        totals.n_scored,
        totals.score_sum,
        {{ llm_analytics.ratio('totals.score_sum', 'totals.n_scored') }} as mean_score,
        totals.n_passed,
        {{ llm_analytics.ratio('totals.n_passed', 'totals.n_scored') }} as pass_rate,

        -- verdicts
        totals.n_correct,
        totals.n_incorrect,
        totals.n_not_verifiable,
        {{ llm_analytics.ratio('totals.n_correct', 'totals.n_correct + totals.n_incorrect') }}
            as accuracy,
        totals.n_checked,
        totals.n_hallucinated,
        {{ llm_analytics.ratio('totals.n_hallucinated', 'totals.n_checked') }}
            as hallucination_rate
    from totals
    left join eligible
        on totals.date_day = eligible.date_day
)

select * from final
