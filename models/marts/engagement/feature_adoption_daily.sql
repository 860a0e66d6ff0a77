-- One row per reporting date and feature, from its release on: who used it in the 28 days that end
-- on the date, and who of those it was released to was active in them.
{% set days = 28 %}

with

dates as (
    select * from {{ ref('dim_dates') }}
),

feature_days as (
    select * from {{ ref('feature_days') }}
),

user_days as (
    select * from {{ ref('user_days') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

declared as (
    select * from {{ llm_analytics.seed('features') }}
),

-- What nobody declared was released before its first use, to everybody.
features as (
    select
        feature,
        is_advanced,
        released_on,
        plan
    from declared
    union all
    select distinct
        feature_days.feature,
        cast(null as {{ dbt.type_boolean() }}) as is_advanced,
        cast(null as date) as released_on,
        cast(null as {{ dbt.type_string() }}) as plan
    from feature_days
    left join declared
        on feature_days.feature = declared.feature
    where declared.feature is null
),

released as (
    select
        features.feature,
        users.user_id,
        features.released_on
    from features
    inner join users
        on
            not users.is_excluded
            and (features.plan is null or features.plan = users.plan)
),

days_of_users as (
    select
        released.feature,
        'active' as kind,
        user_days.user_id,
        user_days.activity_date
    from released
    inner join user_days
        on
            released.user_id = user_days.user_id
            and user_days.activity_date >= coalesce(released.released_on, user_days.activity_date)
    union all
    select
        released.feature,
        'adopter' as kind,
        feature_days.user_id,
        feature_days.activity_date
    from released
    inner join feature_days
        on
            released.user_id = feature_days.user_id
            and released.feature = feature_days.feature
            and feature_days.activity_date
            >= coalesce(released.released_on, feature_days.activity_date)
),

numbered_days as (
    select
        feature,
        kind,
        activity_date,
        lead(activity_date) over (
            partition by feature, kind, user_id
            order by activity_date
        ) as next_date
    from days_of_users
),

-- As in engagement_daily: a user enters the window once, and leaves it once.
changes as (
    select
        feature,
        kind,
        activity_date as date_day,
        1 as delta
    from numbered_days
    union all
    select
        feature,
        kind,
        least(
            {{ llm_analytics.add_days('activity_date', days) }},
            coalesce(next_date, {{ llm_analytics.add_days('activity_date', days) }})
        ) as date_day,
        -1 as delta
    from numbered_days
),

changes_by_day as (
    select
        feature,
        date_day,
        sum(case when kind = 'active' then delta else 0 end) as active_delta,
        sum(case when kind = 'adopter' then delta else 0 end) as adopter_delta
    from changes
    group by feature, date_day
),

{% set up_to_date -%}
    partition by features.feature
    order by dates.date_day
    rows unbounded preceding
{%- endset %}
counted as (
    select
        dates.date_day,
        features.feature,
        features.is_advanced,
        cast(
            sum(coalesce(changes_by_day.active_delta, 0)) over ({{ up_to_date }})
            as {{ dbt.type_bigint() }}
        ) as n_active_users,
        cast(
            sum(coalesce(changes_by_day.adopter_delta, 0)) over ({{ up_to_date }})
            as {{ dbt.type_bigint() }}
        ) as n_users,
        dates.is_complete
    from features
    inner join dates
        on dates.date_day >= coalesce(features.released_on, dates.date_day)
    left join changes_by_day
        on
            features.feature = changes_by_day.feature
            and dates.date_day = changes_by_day.date_day
),

final as (
    select
        date_day,
        feature,
        is_advanced,
        n_users,
        n_active_users,
        {{ llm_analytics.ratio('n_users', 'n_active_users') }} as adoption_rate,
        is_complete
    from counted
)

select * from final
