-- One row per evaluation: the day that it counts for, and whether its evaluator said more since.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

with

evaluations as (
    select * from {{ ref('int_evaluations') }}
),

answers as (
    select * from {{ ref('int_answer_dates') }}
),

final as (
    select
        evaluations.event_id,
        coalesce(
            answers.date_day, {{ llm_analytics.reporting_date('evaluations.occurred_at') }}
        ) as date_day,
        evaluations.evaluator_kind,
        evaluations.evaluator_id,
        evaluations.rubric,
        evaluations.rubric_version,
        evaluations.criterion,
        evaluations.score,
        evaluations.label,
        {{ llm_analytics.evaluated_thing('evaluations') }} as thing,
        row_number() over (
            partition by
                evaluations.evaluator_kind,
                evaluations.evaluator_id,
                evaluations.rubric,
                evaluations.rubric_version,
                evaluations.criterion,
                {{ llm_analytics.evaluated_thing('evaluations') }}
            order by
                evaluations.occurred_at desc,
                coalesce(evaluations.sequence_number, 0) desc,
                {{ llm_analytics.text_order('evaluations.event_id') }} desc
        ) as recency
    from evaluations
    left join answers
        on evaluations.response_id = answers.answer_id
)

select * from final
