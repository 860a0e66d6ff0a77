-- One row per user who made a choice about analytics: the one that stands. A user who is known
-- under several ids refuses as long as the newest choice of one of them does.

with

{{ llm_analytics.standing_choices() }},

identities as (
    select * from {{ ref('int_identities') }}
),

numbered as (
    select
        choices.*,
        row_number() over (
            partition by choices.sent_user_id
            order by {{ llm_analytics.choice_order('choices') }}
        ) as place,
        count(*) over (partition by choices.sent_user_id) as n_choices
    from choices
),

newest as (
    select
        coalesce(identities.user_id, numbered.sent_user_id) as user_id,
        numbered.consent,
        numbered.occurred_at,
        row_number() over (
            partition by coalesce(identities.user_id, numbered.sent_user_id)
            order by
                case numbered.consent when 'erasure' then 1 when 'opt_out' then 2 else 3 end,
                numbered.occurred_at desc,
                {{ llm_analytics.text_order('numbered.event_id') }} desc
        ) as preference
    from numbered
    left join identities
        on numbered.sent_user_id = identities.alias_id
    where numbered.place = numbered.n_choices
),

final as (
    select
        user_id,
        consent,
        occurred_at as chosen_at
    from newest
    where preference = 1
)

select * from final
