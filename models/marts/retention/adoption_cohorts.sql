-- One row per feature and week of tenure: who came back within 28 days after the day on which they
-- first used the feature, beside active users of that tenure who had not used it yet.
with

user_days as (
    select * from {{ ref('user_days') }}
),

feature_days as (
    select * from {{ ref('feature_days') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

followed_days as (
    select
        user_days.user_id,
        user_days.activity_date,
        {{ llm_analytics.whole_quotient(
            llm_analytics.days_between('users.cohort_date', 'user_days.activity_date'), 7
        ) }} as tenure_week,
        lead(user_days.activity_date) over (
            partition by user_days.user_id
            order by user_days.activity_date
        ) as next_date
    from user_days
    inner join users
        on user_days.user_id = users.user_id
),

-- Only days whose 28 days have ended tell who came back.
mature_days as (
    select
        user_id,
        activity_date,
        tenure_week,
        coalesce(
            {{ llm_analytics.days_between('activity_date', 'next_date') }} <= 28, false
        ) as is_back
    from followed_days
    where {{ llm_analytics.is_elapsed(llm_analytics.add_days('activity_date', 28)) }}
),

adoptions as (
    select
        user_id,
        feature,
        min(activity_date) as adoption_date
    from feature_days
    where n_queries > 0
    group by user_id, feature
),

features as (
    select distinct feature from adoptions
),

compared as (
    select
        features.feature,
        mature_days.tenure_week,
        mature_days.is_back,
        coalesce(adoptions.adoption_date = mature_days.activity_date, false) as is_adoption
    from mature_days
    cross join features
    left join adoptions
        on
            mature_days.user_id = adoptions.user_id
            and features.feature = adoptions.feature
    where
        adoptions.adoption_date is null
        or adoptions.adoption_date >= mature_days.activity_date
),

final as (
    select
        feature,
        tenure_week,
        {{ llm_analytics.count_if('is_adoption') }} as n_adopters,
        {{ llm_analytics.count_if('is_adoption and is_back') }} as n_adopters_back,
        {{ llm_analytics.count_if('not is_adoption') }} as n_other_days,
        {{ llm_analytics.count_if('not is_adoption and is_back') }} as n_other_days_back,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('is_adoption and is_back'), llm_analytics.count_if('is_adoption')
        ) }} as adopters_return_rate,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('not is_adoption and is_back'),
            llm_analytics.count_if('not is_adoption'),
        ) }} as others_return_rate
    from compared
    group by feature, tenure_week
)

select * from final
