-- One row per alias that events were sent under. An alias claimed by two users belongs to neither.
with

identities as (
    select * from {{ ref('stg_events__identities') }}
),

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

claims as (
    select
        identities.alias_id,
        identities.user_id
    from identities
    inner join horizon
        on identities.load_seq <= horizon.load_seq
    where identities.alias_id <> identities.user_id
    group by identities.alias_id, identities.user_id
),

final as (
    select
        alias_id,
        case when count(*) = 1 then min(user_id) end as user_id,
        count(*) as n_users
    from claims
    group by alias_id
)

select * from final
