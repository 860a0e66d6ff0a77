-- One row per product event of a user who counts, with the goal it reaches.
{{ config(materialized='view') }}

with

product_events as (
    select * from {{ ref('int_product_events') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

goals as (
    select * from {{ llm_analytics.seed('goals') }}
),

identified as (
    select
        product_events.*,
        coalesce(identities.user_id, product_events.user_id, product_events.anonymous_id)
            as resolved_user_id
    from product_events
    left join identities
        on coalesce(product_events.user_id, product_events.anonymous_id) = identities.alias_id
),

reached as (
    select
        product_events.event_id,
        min({{ llm_analytics.text_order('goals.goal') }}) as goal
    from product_events
    inner join goals
        on {{ llm_analytics.is_goal_event('product_events', 'goals') }}
    group by product_events.event_id
),

final as (
    select
        -- ids
        identified.event_id as product_event_id,
        identified.resolved_user_id as user_id,
        identified.account_id,

        -- strings
        identified.source,
        identified.app_id,
        identified.environment,
        identified.platform,
        identified.app_version,
        identified.name,
        reached.goal as reached_goal,
        identified.feature,
        identified.currency,

        -- numerics
        cast(identified.amount as decimal(38, 12)) as amount,

        -- booleans
        identified.is_user_action,

        -- timestamps and dates
        identified.occurred_at,
        {{ llm_analytics.reporting_date('identified.occurred_at') }} as event_date
    from identified
    left join excluded_users
        on identified.resolved_user_id = excluded_users.user_id
    left join reached
        on identified.event_id = reached.event_id
    where excluded_users.user_id is null
)

select * from final
