-- One row per experiment and unit: the variant it saw first, and whether it may be analysed.
with

exposure_events as (
    select * from {{ ref('int_exposures') }}
),

experiments as (
    select * from {{ llm_analytics.seed('experiments') }}
),

goals as (
    select * from {{ llm_analytics.seed('goals') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

identified as (
    select
        exposure_events.event_id,
        exposure_events.experiment_id,
        exposure_events.variant,
        coalesce(exposure_events.allocation_phase, 'all') as allocation_phase,
        coalesce(exposure_events.platform, 'unknown') as platform,
        exposure_events.sequence_number,
        exposure_events.occurred_at,
        coalesce(experiments.unit, 'user') as unit,
        coalesce(identities.user_id, exposure_events.user_id, exposure_events.anonymous_id)
            as user_id,
        case coalesce(experiments.unit, 'user')
            when 'user'
                then coalesce(
                        identities.user_id,
                        exposure_events.user_id,
                        exposure_events.anonymous_id,
                        exposure_events.unit_id
                    )
            when 'account' then coalesce(exposure_events.unit_id, exposure_events.account_id)
            when 'device' then coalesce(exposure_events.unit_id, exposure_events.anonymous_id)
            when 'conversation'
                then coalesce(exposure_events.unit_id, exposure_events.conversation_id)
        end as unit_id,
        experiments.goal,
        coalesce(
            experiments.window_days, {{ llm_analytics.setting('experiment_window_days') }}
        ) as window_days
    from exposure_events
    left join experiments
        on exposure_events.experiment_id = experiments.experiment_id
    left join identities
        on coalesce(exposure_events.user_id, exposure_events.anonymous_id) = identities.alias_id
    where
        (experiments.starts_at is null or exposure_events.occurred_at >= experiments.starts_at)
        and (experiments.ends_at is null or exposure_events.occurred_at < experiments.ends_at)
),

ranked as (
    select
        *,
        row_number() over (
            partition by experiment_id, unit_id
            order by
                {{ llm_analytics.event_order(
                    'occurred_at', 'sequence_number', event_id='event_id'
                ) }}
        ) as place,
        min({{ llm_analytics.text_order('variant') }}) over (partition by experiment_id, unit_id)
        <> max({{ llm_analytics.text_order('variant') }}) over (partition by experiment_id, unit_id)
            as is_crossover
    from identified
    where unit_id is not null
),

final as (
    select
        -- ids
        ranked.experiment_id,
        ranked.unit_id,
        ranked.user_id,

        -- strings
        ranked.unit,
        ranked.variant,
        ranked.allocation_phase,
        ranked.platform,
        coalesce(users.plan, 'unknown') as plan,
        coalesce(users.country, 'unknown') as country,
        ranked.goal,
        case
            when users.is_excluded then users.exclusion_reason
            when ranked.is_crossover then 'crossover'
        end as exclusion_reason,

        -- numerics
        cast(ranked.window_days as {{ dbt.type_bigint() }}) as window_days,

        -- booleans
        ranked.is_crossover,
        coalesce(users.is_excluded, false) or ranked.is_crossover as is_excluded,
        (select count(*) from goals) > 0 as has_goals,

        -- timestamps
        ranked.occurred_at as first_exposed_at,
        {{ llm_analytics.add_seconds('ranked.occurred_at', 'ranked.window_days * 86400') }}
            as window_ends_at,
        {{ llm_analytics.add_seconds(
            'ranked.occurred_at', -86400 * llm_analytics.setting('experiment_days_before')
        ) }} as reads_from,
        {{ llm_analytics.add_seconds(
            'ranked.occurred_at',
            'greatest(ranked.window_days, ' ~ llm_analytics.longest_metric_window() ~ ') * 86400'
        ) }} as reads_to
    from ranked
    left join users
        on ranked.user_id = users.user_id
    where ranked.place = 1
)

select * from final
