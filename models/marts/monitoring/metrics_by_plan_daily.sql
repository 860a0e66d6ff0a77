-- One row per metric of users, reporting date and plan: what metrics_daily says of all of them,
-- cut by the plan that a user has now. A date has a row of every plan: they add up to the whole.
{% set marts = [
    'engagement_daily', 'session_quality_daily', 'conversation_quality_daily', 'query_flow_daily',
    'satisfaction_daily', 'unit_costs_daily', 'user_revenue_days',
] %}
{#- The product's own machines are nobody's. -#}
{% set not_by_plan = ['infrastructure_cost'] %}
{% set retention_days = [1, 7, 30] %}
{#- Mart: its rows, and what it sums of them. -#}
{% set summed = {
    'session_quality_daily': ['rated_sessions', llm_analytics.session_sums()],
    'conversation_quality_daily': ['rated_conversations', llm_analytics.conversation_sums()],
    'query_flow_daily': ['query_flow', llm_analytics.query_flow_sums()],
    'satisfaction_daily': ['answers', llm_analytics.opinion_sums()],
} %}

with

all_users as (
    select * from {{ ref('dim_users') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

user_days as (
    select * from {{ ref('user_days') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

conversations as (
    select * from {{ ref('fct_conversations') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

costs as (
    select * from {{ ref('cost_by_dimension_daily') }}
),

revenue_days as (
    select * from {{ ref('user_revenue_days') }}
),

users as (
    select
        user_id,
        coalesce(plan, '') as plan,
        cohort_date,
        last_seen_at
    from all_users
    where not is_excluded
),

-- What names nobody is of no plan, as who has none. Where nobody of a plan has asked, its figures
-- are about those whom any event names.
plans as (
    select
        plan,
        case
            when count(cohort_date) > 0 then count(cohort_date)
            else count(last_seen_at)
        end as n_users
    from (
        select
            plan,
            cohort_date,
            last_seen_at
        from users
        union all
        select
            '' as plan,
            cast(null as date) as cohort_date,
            cast(null as {{ dbt.type_timestamp() }}) as last_seen_at
    ) as seen
    group by plan
),

numbered_days as (
    {{ llm_analytics.numbered_days('user_days') }}
),

{% for days in [7, 28] -%}
changes_{{ days }} as (
    {{ llm_analytics.window_changes('numbered_days', days) }}
),

{% endfor -%}
activity as (
    select
        user_id,
        activity_date as date_day,
        1 as dau,
        case when previous_date is null then 1 else 0 end as n_new_users,
        n_queries,
        0 as n_sessions,
        0 as change_7,
        0 as change_28
    from numbered_days
    union all
    select
        user_id,
        session_date as date_day,
        0 as dau,
        0 as n_new_users,
        0 as n_queries,
        1 as n_sessions,
        0 as change_7,
        0 as change_28
    from sessions
    {% for days in [7, 28] -%}
    union all
    select
        user_id,
        date_day,
        0 as dau,
        0 as n_new_users,
        0 as n_queries,
        0 as n_sessions,
        {{ 'delta' if days == 7 else '0' }} as change_7,
        {{ 'delta' if days == 28 else '0' }} as change_28
    from changes_{{ days }}
    {% endfor %}
),

{% set activity_counts = [
    'dau', 'n_new_users', 'n_queries', 'n_sessions', 'change_7', 'change_28',
] -%}
activity_by_day as (
    select
        {% for count in activity_counts -%}
        sum(activity.{{ count }}) as {{ count }},
        {% endfor -%}
        activity.date_day,
        coalesce(users.plan, '') as plan
    from activity
    left join users
        on activity.user_id = users.user_id
    group by activity.date_day, coalesce(users.plan, '')
),

engagement_daily as (
    select
        dates.date_day,
        plans.plan,
        {% for count in activity_counts[:4] -%}
        coalesce(activity_by_day.{{ count }}, 0) as {{ count }},
        {% endfor -%}
        {% for name, change in {'wau': 'change_7', 'mau': 'change_28'}.items() -%}
        sum(coalesce(activity_by_day.{{ change }}, 0)) over (
            partition by plans.plan
            order by dates.date_day
            rows unbounded preceding
        ) as {{ name }},
        {% endfor -%}
        dates.is_complete
    from dates
    cross join plans
    left join activity_by_day
        on
            dates.date_day = activity_by_day.date_day
            and plans.plan = activity_by_day.plan
),

rated_sessions as (
    {{ llm_analytics.rated_sessions('sessions') }}
),

restarted_conversations as (
    {{ llm_analytics.restarted_conversations('conversations') }}
),

rated_conversations as (
    {{ llm_analytics.rated_conversations('conversations', 'restarted_conversations') }}
),

sequenced_queries as (
    {{ llm_analytics.sequenced_queries('interactions') }}
),

query_flow as (
    {{ llm_analytics.query_flow('sequenced_queries', 'conversations') }}
),

opinions as (
    {{ llm_analytics.standing_opinions('feedback') }}
),

answers as (
    {{ llm_analytics.answers_with_opinions('calls', 'opinions') }}
),

{% for mart, (rows, sums) in summed.items() -%}
{{ mart }} as (
    select
        {% for column, sum in sums.items() -%}
        {{ sum }} as {{ column }},
        {% endfor -%}
        date_day,
        plan
    from (
        select
            {{ rows }}.*,
            coalesce(users.plan, '') as plan
        from {{ rows }}
        left join users
            on {{ rows }}.user_id = users.user_id
    ) as planned
    group by date_day, plan
),

{% endfor -%}
unit_costs_daily as (
    select
        costs.date_day,
        coalesce(costs.value, '') as plan,
        costs.cost_usd as model_cost_usd,
        costs.priced_interaction_cost_usd,
        costs.n_priced_interactions,
        dates.is_complete
    from costs
    inner join dates
        on costs.date_day = dates.date_day
    where costs.dimension = 'plan'
),

user_revenue_days as (
    select
        revenue_days.activity_date as date_day,
        coalesce(users.plan, '') as plan,
        sum(revenue_days.revenue_usd) as revenue_usd
    from revenue_days
    left join users
        on revenue_days.user_id = users.user_id
    group by revenue_days.activity_date, coalesce(users.plan, '')
),

cohort_days as (
    select
        user_id,
        activity_date,
        min(activity_date) over (partition by user_id) as cohort_date
    from user_days
    where activity_date <= {{ llm_analytics.reporting_date(llm_analytics.as_of(['queries'])) }}
),

cohorts as (
    select
        {% for day in retention_days -%}
        {{ llm_analytics.count_if(
            'cohort_days.activity_date = ' ~ llm_analytics.add_days('cohort_days.cohort_date', day)
        ) }} as n_retained_{{ day }},
        {% endfor -%}
        {{ llm_analytics.count_if('cohort_days.activity_date = cohort_days.cohort_date') }}
            as n_cohort,
        cohort_days.cohort_date as date_day,
        coalesce(users.plan, '') as plan
    from cohort_days
    left join users
        on cohort_days.user_id = users.user_id
    group by cohort_days.cohort_date, coalesce(users.plan, '')
),

known as (
    {% for metric, mart, numerator, denominator, dimension, is_final
        in llm_analytics.daily_figures()
        if mart in marts and dimension is none and metric not in not_by_plan -%}
    select
        '{{ metric }}' as metric,
        date_day,
        plan,
        cast({{ numerator }} as decimal(38, 12)) as numerator,
        cast({{ denominator or 'null' }} as decimal(38, 12)) as denominator,
        {{ 'true' if denominator else 'false' }} as is_ratio,
        {{ is_final }} as is_final
    from {{ mart }}
    union all
    {% endfor -%}
    {% for day in retention_days -%}
    {% set is_over = llm_analytics.is_elapsed(llm_analytics.add_days('date_day', day)) -%}
    select
        'retention_d{{ day }}' as metric,
        date_day,
        plan,
        cast(case when {{ is_over }} then n_retained_{{ day }} end as decimal(38, 12)) as numerator,
        cast(case when {{ is_over }} then n_cohort else 0 end as decimal(38, 12)) as denominator,
        true as is_ratio,
        {{ is_over }} as is_final
    from cohorts
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A date is final for all plans or for none, so that they can be compared.
known_dates as (
    select
        metric,
        date_day,
        is_ratio,
        {{ llm_analytics.count_if('not is_final') }} = 0 as is_mature
    from known
    group by metric, date_day, is_ratio
),

filled as (
    select
        known_dates.metric,
        known_dates.date_day,
        plans.plan,
        plans.n_users,
        case when known.metric is null then 0 else known.numerator end as numerator,
        case when known_dates.is_ratio then coalesce(known.denominator, 0) end as denominator,
        known_dates.is_mature
    from known_dates
    cross join plans
    left join known
        on
            known_dates.metric = known.metric
            and known_dates.date_day = known.date_day
            and plans.plan = known.plan
),

final as (
    select
        metric,
        date_day,
        nullif(plan, '') as plan,
        n_users,
        cast(numerator as decimal(38, 12)) as numerator,
        cast(denominator as decimal(38, 12)) as denominator,
        case
            when denominator is null then cast(numerator as {{ llm_analytics.type_double() }})
            else {{ llm_analytics.ratio('numerator', 'denominator') }}
        end as metric_value,
        case
            when metric = 'thumbs_ratio'
                then {{ llm_analytics.wilson_bound('numerator', 'denominator', 'low') }}
        end as metric_low,
        case
            when metric = 'thumbs_ratio'
                then {{ llm_analytics.wilson_bound('numerator', 'denominator', 'high') }}
        end as metric_high,
        is_mature
    from filled
)

select * from final
