-- One row per user and month of the call; calls without a user have one of their own.
with

calls as (
    select * from {{ ref('int_calls') }}
),

final as (
    select
        user_id,
        cast({{ dbt.date_trunc('month', 'response_date') }} as date) as month_start_date,
        count(*) as n_calls,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_unpriced_calls,
        {{ llm_analytics.sum_integer('total_tokens') }} as total_tokens,
        {{ llm_analytics.sum_usd('cost_usd') }} as cost_usd
    from calls
    group by user_id, cast({{ dbt.date_trunc('month', 'response_date') }} as date)
)

select * from final
