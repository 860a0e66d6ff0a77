-- One row per mature period, kind of cohort and cohort: how its users, classified by the period,
-- did in the next 28 days.
{% set kinds = ['segment', 'plan', 'country', 'cohort_month'] %}
{% set counts = [
    'n_queries', 'n_up', 'n_votes', 'n_sessions', 'n_completed', 'n_known_outcomes',
] %}
{% set money = ['revenue_usd', 'cost_usd'] %}

with

segments as (
    select * from {{ ref('usage_segments') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

revenue_days as (
    select * from {{ ref('user_revenue_days') }}
),

facts as (
    select
        user_id,
        interaction_date as date_day,
        count(*) as n_queries,
        {{ llm_analytics.count_if("thumbs = 'up'") }} as n_up,
        count(thumbs) as n_votes,
        0 as n_sessions,
        0 as n_completed,
        0 as n_known_outcomes,
        cast(null as decimal(38, 12)) as revenue_usd,
        sum(cost_usd) as cost_usd
    from interactions
    where user_id is not null
    group by user_id, interaction_date
    union all
    select
        user_id,
        session_date as date_day,
        0 as n_queries,
        0 as n_up,
        0 as n_votes,
        count(*) as n_sessions,
        {{ llm_analytics.count_if('is_completed') }} as n_completed,
        count(is_completed) as n_known_outcomes,
        cast(null as decimal(38, 12)) as revenue_usd,
        cast(null as decimal(38, 12)) as cost_usd
    from sessions
    where
        is_closed
        and not is_oversized
    group by user_id, session_date
    union all
    select
        user_id,
        activity_date as date_day,
        0 as n_queries,
        0 as n_up,
        0 as n_votes,
        0 as n_sessions,
        0 as n_completed,
        0 as n_known_outcomes,
        revenue_usd,
        cast(null as decimal(38, 12)) as cost_usd
    from revenue_days
),

outcomes as (
    select
        {% for column in counts + money -%}
        sum(facts.{{ column }}) as {{ column }},
        {% endfor -%}
        segments.user_id,
        segments.period_end_date
    from segments
    inner join facts
        on
            segments.user_id = facts.user_id
            and segments.period_end_date < facts.date_day
            and {{ llm_analytics.add_days('segments.period_end_date', 28) }} >= facts.date_day
    where segments.is_mature
    group by segments.user_id, segments.period_end_date
),

described as (
    select
        segments.period_end_date,
        segments.segment,
        users.plan,
        users.country,
        left(cast(users.cohort_date as {{ dbt.type_string() }}), 7) as cohort_month,
        segments.is_retained,
        segments.n_active_days_next,
        outcomes.{{ (counts + money) | join(',\n        outcomes.') }}
    from segments
    inner join users
        on segments.user_id = users.user_id
    left join outcomes
        on
            segments.user_id = outcomes.user_id
            and segments.period_end_date = outcomes.period_end_date
    where segments.is_mature
),

cut as (
    {% for kind in kinds -%}
    select
        '{{ kind }}' as cohort_kind,
        {{ kind }} as cohort,
        period_end_date,
        is_retained,
        n_active_days_next,
        {{ (counts + money) | join(',\n        ') }}
    from described
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        period_end_date,
        cohort_kind,
        cohort,
        count(*) as n_users,
        {{ llm_analytics.count_if('is_retained') }} as n_retained,
        {{ llm_analytics.sum_integer('n_active_days_next') }} as n_active_days,
        {% for column in counts -%}
        cast(coalesce(sum({{ column }}), 0) as {{ dbt.type_bigint() }}) as {{ column }},
        {% endfor -%}
        {% for column in money -%}
        cast(coalesce(sum({{ column }}), 0) as decimal(38, 12)) as {{ column }},
        {% endfor -%}
        {{ llm_analytics.ratio(llm_analytics.count_if('is_retained'), 'count(*)') }}
            as retention_rate,
        {{ llm_analytics.ratio('sum(n_up)', 'sum(n_votes)') }} as thumbs_ratio,
        {{ llm_analytics.ratio('sum(n_completed)', 'sum(n_known_outcomes)') }} as completion_rate
    from cut
    group by period_end_date, cohort_kind, cohort
)

select * from final
