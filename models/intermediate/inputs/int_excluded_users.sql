-- One row per user who is left out: by an objection, by the seed, or by a trait (internal, bot).
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

consents as (
    select * from {{ ref('int_consents') }}
),

named as (
    select
        coalesce(identities.user_id, excluded_users.user_id) as user_id,
        excluded_users.reason as seed_reason,
        0 as is_internal,
        0 as is_bot,
        0 as is_opted_out
    from excluded_users
    left join identities
        on excluded_users.user_id = identities.alias_id
    union all
    select
        user_id,
        cast(null as {{ dbt.type_string() }}) as seed_reason,
        case when trait = 'is_internal' then 1 else 0 end as is_internal,
        case when trait = 'is_bot' then 1 else 0 end as is_bot,
        0 as is_opted_out
    from user_traits
    where
        trait in ('is_internal', 'is_bot')
        and {{ llm_analytics.is_yes('value') }}
    union all
    select
        user_id,
        cast(null as {{ dbt.type_string() }}) as seed_reason,
        0 as is_internal,
        0 as is_bot,
        1 as is_opted_out
    from consents
    where
        consent = 'erasure'
        {%- if llm_analytics.consent_policy()['opt_out'] == 'all_history' %}
        or consent = 'opt_out'
        {%- endif %}
),

merged as (
    select
        user_id,
        min({{ llm_analytics.text_order('seed_reason') }}) as seed_reason,
        max(is_internal) = 1 as is_internal,
        max(is_bot) = 1 as is_bot,
        max(is_opted_out) = 1 as is_opted_out
    from named
    group by user_id
),

final as (
    select
        user_id,
        case
            when is_opted_out then 'opted_out'
            else {{ llm_analytics.exclusion_reason('seed_reason', 'is_internal', 'is_bot') }}
        end as reason
    from merged
)

select * from final
