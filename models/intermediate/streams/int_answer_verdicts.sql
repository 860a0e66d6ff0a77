-- One row per response, criterion and kind of evaluator: is it good, by the last verdict of a kind?
-- One unsupported claim is enough for a response that is not. What cannot be verified has no row.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

with

evaluations as (
    select * from {{ ref('int_evaluations') }}
),

ranked as (
    select
        evaluations.response_id,
        evaluations.criterion,
        evaluations.evaluator_kind,
        {{ llm_analytics.verdict('evaluations.score', 'evaluations.label') }} as verdict,
        max(case when evaluations.label = 'unsupported' then 1 else 0 end) over (
            partition by
                evaluations.response_id, evaluations.criterion, evaluations.evaluator_kind
        ) as n_unsupported,
        row_number() over (
            partition by
                evaluations.response_id, evaluations.criterion, evaluations.evaluator_kind
            order by
                evaluations.occurred_at desc,
                coalesce(evaluations.sequence_number, 0) desc,
                {{ llm_analytics.text_order('evaluations.event_id') }} desc
        ) as recency
    from evaluations
    where
        evaluations.response_id is not null
        and evaluations.criterion is not null
        and evaluations.evaluator_kind in ('human', 'judge')
),

final as (
    select
        response_id,
        criterion,
        evaluator_kind,
        n_unsupported = 0 and verdict in ('correct', 'supported', 'passed') as is_good
    from ranked
    where
        recency = 1
        and verdict in ('correct', 'incorrect', 'supported', 'unsupported', 'passed', 'failed')
)

select * from final
