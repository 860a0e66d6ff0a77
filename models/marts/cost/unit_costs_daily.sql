-- One row per reporting date: what models and the product's own machines cost, per interaction and
-- per active user.
with

engagement as (
    select * from {{ ref('engagement_daily') }}
),

costs as (
    select * from {{ ref('cost_daily') }}
),

infrastructure as (
    select * from {{ ref('infrastructure_daily') }}
),

cost_totals as (
    select
        date_day,
        {{ llm_analytics.sum_integer('n_calls') }} as n_calls,
        {{ llm_analytics.sum_integer('n_unpriced_calls') }} as n_unpriced_calls,
        {{ llm_analytics.sum_usd('cost_usd') }} as model_cost_usd,
        {{ llm_analytics.sum_integer('n_interactions') }} as n_interactions,
        {{ llm_analytics.sum_integer('n_priced_interactions') }} as n_priced_interactions,
        {{ llm_analytics.sum_usd('priced_interaction_cost_usd') }} as priced_interaction_cost_usd
    from costs
    group by date_day
),

infrastructure_totals as (
    select
        date_day,
        {{ llm_analytics.sum_usd('cost_usd') }} as infrastructure_cost_usd
    from infrastructure
    group by date_day
),

final as (
    select
        engagement.date_day,
        engagement.dau as n_active_users,
        coalesce(cost_totals.n_calls, 0) as n_calls,
        coalesce(cost_totals.n_unpriced_calls, 0) as n_unpriced_calls,
        coalesce(cost_totals.n_interactions, 0) as n_interactions,
        coalesce(cost_totals.n_priced_interactions, 0) as n_priced_interactions,
        cost_totals.model_cost_usd,
        cost_totals.priced_interaction_cost_usd,
        infrastructure_totals.infrastructure_cost_usd,
        {{ llm_analytics.ratio(
            'cost_totals.priced_interaction_cost_usd', 'cost_totals.n_priced_interactions'
        ) }} as cost_per_interaction_usd,
        {{ llm_analytics.ratio(
            'infrastructure_totals.infrastructure_cost_usd', 'cost_totals.n_interactions'
        ) }} as infrastructure_per_interaction_usd,
        {{ llm_analytics.ratio('cost_totals.model_cost_usd', 'engagement.dau') }}
            as model_cost_per_active_user_usd,
        engagement.is_complete
    from engagement
    left join cost_totals
        on engagement.date_day = cost_totals.date_day
    left join infrastructure_totals
        on engagement.date_day = infrastructure_totals.date_day
)

select * from final
