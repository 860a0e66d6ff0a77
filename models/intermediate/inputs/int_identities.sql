-- One row per alias that events were sent under. An alias claimed by two users belongs to neither.
with

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

{{ llm_analytics.standing_aliases('(select horizon.load_seq from horizon)') }},

final as (
    select
        alias_id,
        user_id,
        n_users
    from standing_aliases
)

select * from final
