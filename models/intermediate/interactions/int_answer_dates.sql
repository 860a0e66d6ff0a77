-- One row per successful answer, by the id that evaluations name it with: the day it counts for.
{{ config(materialized='view') }}

with

calls as (
    select * from {{ ref('int_calls') }}
),

final as (
    select
        coalesce(response_id, response_event_id) as answer_id,
        min(response_date) as date_day
    from calls
    where is_successful_answer
    group by coalesce(response_id, response_event_id)
)

select * from final
