-- One row per alias that events were sent under. An alias claimed by two users belongs to neither.
with

identities as (
    select * from {{ ref('int_identities__unioned') }}
),

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

versions as (
    select
        alias_id,
        user_id,
        row_number() over (
            partition by event_id
            order by {{ llm_analytics.precedence(
                llm_analytics.surrogate_key(llm_analytics.envelope_columns() + ['alias_id'])
            ) }}
        ) as content_rank
    from identities
    where load_seq <= (select horizon.load_seq from horizon)
),

claims as (
    select
        alias_id,
        user_id
    from versions
    where
        content_rank = 1
        and alias_id <> user_id
    group by alias_id, user_id
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
