-- One row per reporting date, days without activity included.
with

dates as (
    select * from {{ ref('dim_dates') }}
),

user_days as (
    select * from {{ ref('user_days') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

conversations as (
    select * from {{ ref('fct_conversations') }}
),

day_totals as (
    select
        activity_date as date_day,
        count(*) as dau,
        {{ llm_analytics.sum_integer('n_queries') }} as n_queries,
        {{ llm_analytics.sum_integer('n_messages') }} as n_messages,
        {{ llm_analytics.sum_integer('n_answered') }} as n_answered,
        {{ llm_analytics.sum_integer('n_refinements') }} as n_refinements
    from user_days
    group by activity_date
),

numbered_days as (
    {{ llm_analytics.numbered_days('user_days') }}
),

{% for days in [7, 28] %}
changes_{{ days }} as (
    {{ llm_analytics.window_changes('numbered_days', days) }}
),

changes_{{ days }}_by_day as (
    select
        date_day,
        sum(delta) as delta
    from changes_{{ days }}
    group by date_day
),
{% endfor %}

new_users as (
    select
        activity_date as date_day,
        count(*) as n_new_users
    from numbered_days
    where previous_date is null
    group by activity_date
),

queries_without_user as (
    select
        interaction_date as date_day,
        count(*) as n_queries_without_user
    from interactions
    where user_id is null
    group by interaction_date
),

session_totals as (
    select
        session_date as date_day,
        count(*) as n_sessions
    from sessions
    group by session_date
),

conversation_totals as (
    select
        conversation_date as date_day,
        count(*) as n_conversations
    from conversations
    where user_id is not null
    group by conversation_date
),

final as (
    select
        dates.date_day,
        coalesce(day_totals.dau, 0) as dau,
        {% for name, days in {'wau': 7, 'mau': 28}.items() -%}
        cast(sum(coalesce(changes_{{ days }}_by_day.delta, 0)) over (
            order by dates.date_day
            rows unbounded preceding
        ) as {{ dbt.type_bigint() }}) as {{ name }},
        {% endfor -%}
        coalesce(new_users.n_new_users, 0) as n_new_users,
        coalesce(session_totals.n_sessions, 0) as n_sessions,
        coalesce(conversation_totals.n_conversations, 0) as n_conversations,
        coalesce(day_totals.n_queries, 0) as n_queries,
        coalesce(day_totals.n_messages, 0) as n_messages,
        coalesce(day_totals.n_answered, 0) as n_answered,
        coalesce(day_totals.n_refinements, 0) as n_refinements,
        coalesce(queries_without_user.n_queries_without_user, 0) as n_queries_without_user,
        dates.is_complete
    from dates
    left join day_totals
        on dates.date_day = day_totals.date_day
    left join changes_7_by_day
        on dates.date_day = changes_7_by_day.date_day
    left join changes_28_by_day
        on dates.date_day = changes_28_by_day.date_day
    left join new_users
        on dates.date_day = new_users.date_day
    left join queries_without_user
        on dates.date_day = queries_without_user.date_day
    left join session_totals
        on dates.date_day = session_totals.date_day
    left join conversation_totals
        on dates.date_day = conversation_totals.date_day
)

select * from final
