-- One row per user who is left out of user metrics: by the seed, or by a trait (internal, bot).
with

excluded_users as (
    select * from {{ llm_analytics.seed('excluded_users') }}
),

user_traits as (
    select * from {{ ref('int_user_traits') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

named as (
    select
        coalesce(identities.user_id, excluded_users.user_id) as user_id,
        excluded_users.reason as seed_reason,
        0 as is_internal,
        0 as is_bot
    from excluded_users
    left join identities
        on excluded_users.user_id = identities.alias_id
    union all
    select
        user_id,
        cast(null as {{ dbt.type_string() }}) as seed_reason,
        case when trait = 'is_internal' then 1 else 0 end as is_internal,
        case when trait = 'is_bot' then 1 else 0 end as is_bot
    from user_traits
    where
        trait in ('is_internal', 'is_bot')
        and {{ llm_analytics.is_yes('value') }}
),

merged as (
    select
        user_id,
        min({{ llm_analytics.text_order('seed_reason') }}) as seed_reason,
        max(is_internal) = 1 as is_internal,
        max(is_bot) = 1 as is_bot
    from named
    group by user_id
),

final as (
    select
        user_id,
        {{ llm_analytics.exclusion_reason('seed_reason', 'is_internal', 'is_bot') }} as reason
    from merged
)

select * from final
