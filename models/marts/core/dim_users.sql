-- One row per user that any event names: since when, how active, and what is known about them now.
with

session_events as (
    select * from {{ ref('int_session_events') }}
),

response_matches as (
    select * from {{ ref('int_response_matches') }}
),

product_events as (
    select * from {{ ref('int_product_events') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

user_traits as (
    select * from {{ ref('int_user_traits') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

-- Of a user and a day first: what follows then reads a small table.
query_days as (
    select
        user_id,
        {{ llm_analytics.reporting_date('occurred_at') }} as activity_date,
        min(occurred_at) as first_at
    from session_events
    where stream = 'query'
    group by user_id, {{ llm_analytics.reporting_date('occurred_at') }}
),

identified_product_events as (
    select
        coalesce(identities.user_id, product_events.user_id, product_events.anonymous_id)
            as user_id,
        product_events.name,
        product_events.occurred_at
    from product_events
    left join identities
        on coalesce(product_events.user_id, product_events.anonymous_id) = identities.alias_id
),

sightings as (
    select
        user_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from session_events
    group by user_id
    union all
    select
        user_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from identified_product_events
    group by user_id
    union all
    select
        resolved_user_id as user_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from response_matches
    where is_current
    group by resolved_user_id
    union all
    select
        user_id,
        min(first_set_at) as first_at,
        cast(null as {{ dbt.type_timestamp() }}) as last_at
    from user_traits
    group by user_id
),

users as (
    select
        user_id,
        min(first_at) as first_seen_at,
        max(last_at) as last_seen_at
    from sightings
    where user_id is not null
    group by user_id
),

activity as (
    select
        user_id,
        count(*) as n_active_days,
        min(first_at) as first_query_at,
        min(activity_date) as cohort_date,
        max(activity_date) as last_query_date
    from query_days
    group by user_id
),

sign_ups as (
    select
        user_id,
        min(occurred_at) as signed_up_at
    from identified_product_events
    where name = 'signed_up'
    group by user_id
),

-- One value per user and trait.
traits as (
    select
        user_id,
        max(case when trait = 'plan' then value end) as plan,
        max(case when trait = 'country' then value end) as country,
        min(case when trait = 'signed_up' then first_set_at end) as signed_up_at,
        {{ llm_analytics.count_if("trait = 'is_internal' and " ~ llm_analytics.is_yes('value')) }}
        > 0 as is_internal,
        {{ llm_analytics.count_if("trait = 'is_bot' and " ~ llm_analytics.is_yes('value')) }}
        > 0 as is_bot
    from user_traits
    group by user_id
),

final as (
    select
        -- ids
        users.user_id,

        -- strings
        traits.plan,
        traits.country,
        excluded_users.reason as exclusion_reason,

        -- numerics
        coalesce(activity.n_active_days, 0) as n_active_days,

        -- booleans
        coalesce(traits.is_internal, false) as is_internal,
        coalesce(traits.is_bot, false) as is_bot,
        excluded_users.user_id is not null as is_excluded,

        -- timestamps and dates
        users.first_seen_at,
        users.last_seen_at,
        activity.first_query_at,
        coalesce(sign_ups.signed_up_at, traits.signed_up_at) as signed_up_at,
        activity.cohort_date,
        activity.last_query_date
    from users
    left join activity
        on users.user_id = activity.user_id
    left join sign_ups
        on users.user_id = sign_ups.user_id
    left join traits
        on users.user_id = traits.user_id
    left join excluded_users
        on users.user_id = excluded_users.user_id
)

select * from final
