-- One row per user who made a choice about analytics: the one that stands.
{% set columns = llm_analytics.envelope_columns() + ['consent', 'purpose'] %}

with

{{ llm_analytics.standing_events('consents', columns) }},

identities as (
    select * from {{ ref('int_identities') }}
),

-- A choice about something else than analytics (marketing, for example) says nothing here.
choices as (
    select
        coalesce(identities.user_id, standing_events.user_id) as user_id,
        standing_events.consent,
        standing_events.occurred_at,
        row_number() over (
            partition by coalesce(identities.user_id, standing_events.user_id)
            order by
                standing_events.occurred_at desc,
                coalesce(standing_events.sequence_number, 0) desc,
                {{ llm_analytics.text_order('standing_events.event_id') }} desc
        ) as recency
    from standing_events
    left join identities
        on standing_events.user_id = identities.alias_id
    where coalesce(standing_events.purpose, 'analytics') = 'analytics'
),

final as (
    select
        user_id,
        consent,
        occurred_at as chosen_at
    from choices
    where recency = 1
)

select * from final
