-- The same queries, seen by user-day, session, conversation and day.
with

interactions as (
    select
        count(*) as n_queries,
        count(user_id) as n_queries_of_users,
        count(session_id) as n_queries_in_sessions
    from {{ ref('fct_interactions') }}
),

user_days as (
    select coalesce(sum(n_queries), 0) as n_queries
    from {{ ref('user_days') }}
),

sessions as (
    select coalesce(sum(n_queries), 0) as n_queries
    from {{ ref('fct_sessions') }}
),

conversations as (
    select coalesce(sum(n_queries), 0) as n_queries
    from {{ ref('fct_conversations') }}
),

days as (
    select
        coalesce(sum(n_queries), 0) as n_queries,
        coalesce(sum(n_queries_without_user), 0) as n_queries_without_user
    from {{ ref('engagement_daily') }}
)

select
    interactions.n_queries,
    interactions.n_queries_of_users,
    interactions.n_queries_in_sessions,
    user_days.n_queries as n_queries_by_user_day,
    sessions.n_queries as n_queries_by_session,
    conversations.n_queries as n_queries_by_conversation,
    days.n_queries as n_queries_by_day
from interactions
cross join user_days
cross join sessions
cross join conversations
cross join days
where
    interactions.n_queries <> conversations.n_queries
    or interactions.n_queries_of_users <> user_days.n_queries
    or interactions.n_queries_of_users <> interactions.n_queries_in_sessions
    or interactions.n_queries_in_sessions <> sessions.n_queries
    or interactions.n_queries_of_users <> days.n_queries
    or interactions.n_queries - interactions.n_queries_of_users <> days.n_queries_without_user
