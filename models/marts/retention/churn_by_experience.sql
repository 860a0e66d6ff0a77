-- One row per mature period, usage segment and last experience: how many of these users were gone
-- in the next period, beside users of the same segment with another last experience.
with

segments as (
    select * from {{ ref('usage_segments') }}
),

counted as (
    select
        period_end_date,
        segment,
        last_end_state,
        count(*) as n_users,
        {{ llm_analytics.count_if('not is_retained') }} as n_churned
    from segments
    where is_mature
    group by period_end_date, segment, last_end_state
),

matched as (
    select
        period_end_date,
        segment,
        last_end_state,
        n_users,
        n_churned,
        sum(n_users) over (partition by period_end_date, segment) as n_segment,
        sum(n_churned) over (partition by period_end_date, segment) as n_segment_churned
    from counted
),

final as (
    select
        period_end_date,
        segment,
        last_end_state,
        n_users,
        n_churned,
        cast(n_segment - n_users as {{ dbt.type_bigint() }}) as n_others,
        cast(n_segment_churned - n_churned as {{ dbt.type_bigint() }}) as n_others_churned,
        {{ llm_analytics.ratio('n_churned', 'n_users') }} as churn_rate,
        {{ llm_analytics.ratio('n_segment_churned - n_churned', 'n_segment - n_users') }}
            as others_churn_rate
    from matched
)

select * from final
