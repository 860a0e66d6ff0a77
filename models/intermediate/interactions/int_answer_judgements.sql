-- One row per score that a judge gave to an answer, with whose answer it is and when it was given.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

with

evaluations as (
    select * from {{ ref('int_evaluations') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

final as (
    select
        evaluations.event_id,
        calls.user_id,
        calls.account_id,
        calls.conversation_id,
        evaluations.criterion,
        evaluations.label,
        evaluations.score,
        calls.occurred_at as answered_at
    from evaluations
    inner join calls
        on evaluations.response_id = coalesce(calls.response_id, calls.response_event_id)
    where evaluations.evaluator_kind = 'judge'
)

select * from final
