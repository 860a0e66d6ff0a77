-- One row per choice about analytics: whom it is about, and from when until when it holds.
{{ config(materialized='view') }}

{% set read_to = llm_analytics.loads_recorded_to() %}

with

{{ llm_analytics.standing_choices(read_to) }},

{{ llm_analytics.standing_aliases(read_to) }},

-- A choice holds until the next one under the same id.
followed as (
    select
        choices.event_id,
        choices.sent_user_id,
        choices.consent,
        choices.occurred_at,
        lead(choices.occurred_at) over (
            partition by choices.sent_user_id
            order by {{ llm_analytics.choice_order('choices') }}
        ) as next_at
    from choices
),

final as (
    select
        followed.event_id,
        coalesce(standing_aliases.user_id, followed.sent_user_id) as user_id,
        not {{ llm_analytics.is_refusal('followed.consent') }} as is_granted,
        followed.occurred_at as began_at,
        followed.next_at as ended_at
    from followed
    left join standing_aliases
        on followed.sent_user_id = standing_aliases.alias_id
)

select * from final
