-- One row per month with an active user or a payment: net revenue per active user and per payer.
with

user_days as (
    select * from {{ ref('user_days') }}
),

revenue_days as (
    select * from {{ ref('user_revenue_days') }}
),

active as (
    select
        cast({{ dbt.date_trunc('month', 'activity_date') }} as date) as month_start_date,
        count(distinct user_id) as n_active_users
    from user_days
    group by cast({{ dbt.date_trunc('month', 'activity_date') }} as date)
),

paid as (
    select
        cast({{ dbt.date_trunc('month', 'activity_date') }} as date) as month_start_date,
        count(distinct case when n_payments > 0 then user_id end) as n_payers,
        {{ llm_analytics.sum_integer('n_payments') }} as n_payments,
        {{ llm_analytics.sum_integer('n_refunds') }} as n_refunds,
        {{ llm_analytics.sum_integer('n_unconverted') }} as n_unconverted,
        {{ llm_analytics.sum_usd('revenue_usd') }} as revenue_usd
    from revenue_days
    group by cast({{ dbt.date_trunc('month', 'activity_date') }} as date)
),

months as (
    select month_start_date from active
    union
    select month_start_date from paid
),

final as (
    select
        months.month_start_date,
        coalesce(active.n_active_users, 0) as n_active_users,
        coalesce(paid.n_payers, 0) as n_payers,
        coalesce(paid.n_payments, 0) as n_payments,
        coalesce(paid.n_refunds, 0) as n_refunds,
        coalesce(paid.n_unconverted, 0) as n_unconverted,
        cast(coalesce(paid.revenue_usd, 0) as decimal(38, 12)) as revenue_usd,
        {{ llm_analytics.ratio('coalesce(paid.revenue_usd, 0)', 'active.n_active_users') }}
            as revenue_per_user_usd,
        {{ llm_analytics.ratio('paid.revenue_usd', 'paid.n_payers') }} as revenue_per_payer_usd,
        {{ llm_analytics.is_elapsed(
            llm_analytics.add_days(
                'cast(' ~ dbt.dateadd('month', 1, 'months.month_start_date') ~ ' as date)', -1
            ),
            ['queries', 'product_events'],
        ) }} as is_complete
    from months
    left join active
        on months.month_start_date = active.month_start_date
    left join paid
        on months.month_start_date = paid.month_start_date
)

select * from final
