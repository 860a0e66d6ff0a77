-- One row per kind of survey (nps, csat) and wave: the last answer of each user counts.
with

feedback as (
    select * from {{ ref('fct_feedback') }}
),

answers as (
    select
        feedback_type as survey,
        survey_id,
        feedback_date,
        feedback_score,
        {{ llm_analytics.survey_box('feedback_type', 'feedback_score') }} as answer_box
    from feedback
    where
        is_standing
        and feedback_type in ('nps', 'csat')
),

totals as (
    select
        survey,
        survey_id,
        min(feedback_date) as first_answer_date,
        max(feedback_date) as last_answer_date,
        count(*) as n_answers,
        count(answer_box) as n_valid,
        {{ llm_analytics.count_if("answer_box = 'top'") }} as n_top,
        {{ llm_analytics.count_if("answer_box = 'middle'") }} as n_middle,
        {{ llm_analytics.count_if("answer_box = 'bottom'") }} as n_bottom,
        cast(sum(case when answer_box is not null then feedback_score end) as decimal(38, 12))
            as score_sum
    from answers
    group by survey, survey_id
),

-- An answer is worth 1, 0 or -1 to NPS: its variance over n is that of the score.
final as (
    select
        survey,
        survey_id,
        first_answer_date,
        last_answer_date,
        n_answers,
        n_valid,
        n_top,
        n_middle,
        n_bottom,
        score_sum,
        {{ llm_analytics.ratio('score_sum', 'n_valid') }} as mean_score,
        case
            when survey = 'nps'
                then {{ llm_analytics.ratio('100 * (n_top - n_bottom)', 'n_valid') }}
        end as nps,
        case
            when survey = 'nps'
                then {{ llm_analytics.ratio(
                    '10000 * ((n_top + n_bottom) * n_valid - (n_top - n_bottom) * (n_top - n_bottom))',
                    'n_valid * n_valid * n_valid',
                ) }}
        end as nps_variance,
        case
            when survey = 'csat' then {{ llm_analytics.ratio('n_top', 'n_valid') }}
        end as csat
    from totals
)

select * from final
