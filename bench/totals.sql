-- The figures that the marts and baseline.sql must agree on, to the last digit.
select 'interactions' as name, cast(count(*) as decimal(38, 12)) as value
from marts.fct_interactions
union all
select 'answered', count(case when is_answered then 1 end) from marts.fct_interactions
union all
select 'tokens', sum(total_tokens) from marts.fct_interactions
union all
select 'cost_usd', sum(cost_usd) from marts.fct_interactions
union all
select 'thumbs_up', count(case when thumbs = 'up' then 1 end) from marts.fct_interactions
union all
select 'thumbs_down', count(case when thumbs = 'down' then 1 end) from marts.fct_interactions
union all
select 'ended_badly', count(case when end_state <> 'normal' then 1 end) from marts.fct_interactions
union all
select 'sessions', count(*) from marts.fct_sessions
union all
select 'session_seconds', sum(duration_seconds) from marts.fct_sessions
union all
select 'user_days', count(*) from marts.user_days
union all
select 'daily_users', sum(dau) from marts.engagement_daily
union all
select 'weekly_users', sum(wau) from marts.engagement_daily
union all
select 'monthly_users', sum(mau) from marts.engagement_daily
union all
select 'retained_d1', sum(n_retained) from marts.retention_by_cohort where day_number = 1
union all
select 'retained_d7', sum(n_retained) from marts.retention_by_cohort where day_number = 7
union all
select 'retained_d30', sum(n_retained) from marts.retention_by_cohort where day_number = 30
union all
select 'attempts', sum(n_attempts) from marts.model_performance_daily
union all
select 'latency_p95', sum(latency_p95_ms) from marts.model_performance_daily
union all
select 'conversations', count(*) from marts.fct_conversations
union all
select 'closed_sessions', n_reached from marts.abandonment_by_turn where turn_number = 1;
