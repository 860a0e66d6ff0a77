-- One row per way in which answers fail their users and feature, over the 28 reporting dates that
-- end with as_of: the most affected users times lost goals first.
with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

recent as (
    select
        interactions.end_state,
        interactions.feature,
        interactions.user_id,
        case
            when sessions.is_closed and not coalesce(sessions.is_completed, false)
                then sessions.session_id
        end as lost_session_id
    from interactions
    inner join sessions
        on interactions.session_id = sessions.session_id
    where
        interactions.end_state <> 'normal'
        and not sessions.is_oversized
        and interactions.interaction_date > {{ llm_analytics.add_days(
            llm_analytics.reporting_date(llm_analytics.as_of(['queries'])), -28
        ) }}
),

counted as (
    select
        end_state,
        feature,
        count(*) as n_interactions,
        count(distinct user_id) as n_users,
        count(distinct lost_session_id) as n_lost_goals
    from recent
    group by end_state, feature
),

final as (
    select
        cast(row_number() over (
            order by
                n_users * n_lost_goals desc,
                n_interactions desc,
                {{ llm_analytics.text_order('end_state') }},
                {{ llm_analytics.text_order("coalesce(feature, '')") }}
        ) as {{ dbt.type_bigint() }}) as position,
        end_state,
        feature,
        n_interactions,
        n_users,
        n_lost_goals,
        n_users * n_lost_goals as pain
    from counted
)

select * from final
