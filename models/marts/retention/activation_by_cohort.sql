-- One row per reporting date of sign-up and activation step; step NULL is the whole set.
{% set window = llm_analytics.setting('activation_window_days') %}

with

users as (
    select * from {{ ref('dim_users') }}
),

product_events as (
    select * from {{ ref('fct_product_events') }}
),

steps as (
    select * from {{ llm_analytics.seed('activation_steps') }}
),

sign_ups as (
    select
        user_id,
        signed_up_at,
        {{ llm_analytics.reporting_date('signed_up_at') }} as sign_up_date,
        {{ llm_analytics.is_past_window('signed_up_at', window, ['queries', 'product_events']) }}
            as is_mature
    from users
    where
        signed_up_at is not null
        and not is_excluded
),

expected as (
    select
        sign_ups.user_id,
        sign_ups.signed_up_at,
        sign_ups.sign_up_date,
        sign_ups.is_mature,
        steps.step,
        steps.event_name
    from sign_ups
    cross join steps
),

done as (
    select distinct
        expected.user_id,
        expected.step
    from expected
    inner join product_events
        on
            expected.user_id = product_events.user_id
            and expected.event_name = product_events.name
            and {{ llm_analytics.is_within_days(
                'expected.signed_up_at', 'product_events.occurred_at', window
            ) }}
),

step_outcomes as (
    select distinct
        expected.user_id,
        expected.sign_up_date,
        expected.is_mature,
        expected.step,
        done.user_id is not null as is_done
    from expected
    left join done
        on
            expected.user_id = done.user_id
            and expected.step = done.step
),

outcomes as (
    select
        sign_up_date,
        is_mature,
        step,
        is_done
    from step_outcomes
    union all
    select
        sign_up_date,
        is_mature,
        cast(null as {{ dbt.type_string() }}) as step,
        {{ llm_analytics.count_if('not is_done') }} = 0 as is_done
    from step_outcomes
    group by user_id, sign_up_date, is_mature
),

final as (
    select
        sign_up_date,
        step,
        count(*) as n_sign_ups,
        {{ llm_analytics.count_if('is_mature') }} as n_mature,
        {{ llm_analytics.count_if('is_mature and is_done') }} as n_activated,
        {{ llm_analytics.ratio(
            llm_analytics.count_if('is_mature and is_done'), llm_analytics.count_if('is_mature')
        ) }} as activation_rate
    from outcomes
    group by sign_up_date, step
)

select * from final
