-- One row per user and trait: the value that was set last, and when the trait was first set.
{% set withheld_traits = llm_analytics.withheld_ids('user_traits') %}

with

user_traits as (
    select * from {{ ref('int_user_traits__unioned') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

horizon as (
    select * from {{ ref('int_load_horizon') }}
),

versions as (
    select
        user_traits.event_id,
        user_traits.occurred_at,
        user_traits.sequence_number,
        coalesce(user_traits.user_id, user_traits.anonymous_id) as sent_user_id,
        user_traits.trait,
        user_traits.value,
        row_number() over (
            partition by user_traits.event_id
            order by {{ llm_analytics.precedence(
                llm_analytics.surrogate_key([
                    'user_traits.occurred_at', 'user_traits.sequence_number', 'user_traits.user_id',
                    'user_traits.anonymous_id', 'user_traits.trait', 'user_traits.value',
                ]),
                event_version='user_traits.event_version',
            ) }}
        ) as content_rank
    from user_traits
    inner join horizon
        on user_traits.load_seq <= horizon.load_seq
),

ranked as (
    select
        coalesce(identities.user_id, versions.sent_user_id) as user_id,
        versions.trait,
        versions.value,
        versions.occurred_at,
        row_number() over (
            partition by coalesce(identities.user_id, versions.sent_user_id), versions.trait
            order by
                versions.occurred_at desc,
                coalesce(versions.sequence_number, 0) desc,
                {{ llm_analytics.text_order('versions.event_id') }} desc
        ) as recency,
        min(versions.occurred_at) over (
            partition by coalesce(identities.user_id, versions.sent_user_id), versions.trait
        ) as first_set_at
    from versions
    left join identities
        on versions.sent_user_id = identities.alias_id
    where
        versions.content_rank = 1
        {%- if withheld_traits is not none %}
        and versions.event_id not in {{ withheld_traits }}
        {%- endif %}
        and versions.sent_user_id is not null
        and versions.trait is not null
),

final as (
    select
        user_id,
        trait,
        value,
        first_set_at,
        occurred_at as last_set_at
    from ranked
    where recency = 1
)

select * from final
