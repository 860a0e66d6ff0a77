-- One row per product event with a user, stitched by identity; is_goal says whether it reaches one.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

with

product_events as (
    select * from {{ ref('int_product_events') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

goals as (
    select * from {{ llm_analytics.seed('goals') }}
),

final as (
    select
        product_events.event_id,
        coalesce(identities.user_id, product_events.user_id, product_events.anonymous_id)
            as user_id,
        product_events.account_id,
        product_events.conversation_id,
        product_events.anonymous_id as device_id,
        product_events.name,
        product_events.goal as event_goal,
        exists(
            select 1
            from goals
            where {{ llm_analytics.is_goal_event('product_events', 'goals') }}
        ) as is_goal,
        product_events.occurred_at
    from product_events
    left join identities
        on coalesce(product_events.user_id, product_events.anonymous_id) = identities.alias_id
)

select * from final
