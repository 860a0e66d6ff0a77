-- One row per interaction with the columns that experiments read, and the device that asked.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

queries as (
    select * from {{ ref('int_queries') }}
),

exposures as (
    select * from {{ ref('experiment_exposures') }}
),

-- Only where an experiment is randomised by device: a query knows its device, its answer does not.
device_queries as (
    select
        queries.event_id,
        queries.anonymous_id as device_id
    from queries
    where queries.anonymous_id in (
            select exposures.unit_id
            from exposures
            where exposures.unit = 'device'
        )
),

final as (
    select
        interactions.interaction_id,
        interactions.answer_id,
        interactions.user_id,
        interactions.account_id,
        interactions.conversation_id,
        device_queries.device_id,
        interactions.provider,
        interactions.model,
        interactions.feature,
        interactions.platform,
        interactions.kind,
        interactions.thumbs,
        interactions.n_unpriced_calls,
        interactions.cost_usd,
        interactions.answer_output_tokens,
        interactions.response_length,
        interactions.latency_ms,
        interactions.n_attempts,
        interactions.n_failed_attempts,
        interactions.is_answered,
        interactions.is_refinement,
        interactions.asked_at,
        interactions.interaction_date
    from interactions
    left join device_queries
        on interactions.interaction_id = device_queries.event_id
)

select * from final
