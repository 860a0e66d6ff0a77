-- One row per user with a query: what a product may be personalised by.
with

users as (
    select * from {{ ref('dim_users') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

segments as (
    select * from {{ ref('usage_segments') }}
),

feature_days as (
    select * from {{ ref('feature_days') }}
),

-- The last period that a user was active in may be long ago.
last_segments as (
    select
        user_id,
        segment,
        period_end_date,
        row_number() over (
            partition by user_id
            order by period_end_date desc
        ) as recency
    from segments
),

last_periods as (
    select max(period_end_date) as period_end_date
    from segments
),

favourites as (
    select
        user_id,
        feature,
        row_number() over (
            partition by user_id
            order by count(*) desc, {{ llm_analytics.text_order('feature') }}
        ) as place
    from feature_days
    group by user_id, feature
),

totals as (
    select
        user_id,
        count(*) as n_queries,
        {{ llm_analytics.count_if('is_answered') }} as n_answered,
        {{ llm_analytics.count_if('is_refinement') }} as n_refinements,
        {{ llm_analytics.count_if("thumbs = 'up'") }} as n_up,
        {{ llm_analytics.count_if("thumbs = 'down'") }} as n_down,
        {{ llm_analytics.quantile('latency_ms', 0.5) }} as latency_p50_ms,
        {{ llm_analytics.quantile('response_length', 0.5) }} as response_length_p50
    from interactions
    where user_id is not null
    group by user_id
),

final as (
    select
        totals.user_id,
        users.plan,
        users.country,
        case
            when last_segments.period_end_date = last_periods.period_end_date
                then last_segments.segment
            else 'dormant'
        end as segment,
        favourites.feature as favourite_feature,
        totals.n_queries,
        totals.n_answered,
        totals.n_refinements,
        totals.n_up,
        totals.n_down,
        totals.latency_p50_ms,
        totals.response_length_p50,
        users.cohort_date,
        users.last_query_date
    from totals
    inner join users
        on totals.user_id = users.user_id
    cross join last_periods
    left join last_segments
        on
            totals.user_id = last_segments.user_id
            and last_segments.recency = 1
    left join favourites
        on
            totals.user_id = favourites.user_id
            and favourites.place = 1
)

select * from final
