-- What dashboards ask, each with the median that it should not exceed: marts of days, then facts.

-- query: headline_metrics <= 10 ms
select * from marts.headline_metrics order by position;

-- query: active_users_by_day <= 10 ms
select date_day, dau, wau, mau, n_sessions, n_queries
from marts.engagement_daily
where is_complete
order by date_day;

-- query: thumbs_ratio_by_day <= 10 ms
select date_day, thumbs_ratio, thumbs_ratio_low, thumbs_ratio_high, response_rate
from marts.satisfaction_daily
order by date_day;

-- query: cost_by_model_and_week <= 10 ms
select date_trunc('week', date_day) as week, provider, model, sum(cost_usd) as cost_usd
from marts.cost_daily
group by all
order by all;

-- query: latency_by_model_last_28_days <= 10 ms
select date_day, model, latency_p50_ms, latency_p95_ms, latency_p99_ms, error_rate
from marts.model_performance_daily
where date_day > (select max(date_day) - 28 from marts.model_performance_daily)
order by all;

-- query: user_error_rate_by_day <= 10 ms
select date_day, user_error_rate, n_mature_queries from marts.reliability_daily order by date_day;

-- query: retention_curve <= 10 ms
select day_number, sum(n_retained) / sum(n_eligible) as retention_rate
from marts.retention_by_cohort
where is_mature
group by day_number
order by day_number;

-- query: retention_triangle <= 10 ms
select date_trunc('week', cohort_date) as cohort_week, day_number, sum(n_retained), sum(n_eligible)
from marts.retention_by_cohort
where day_number in (0, 1, 7, 14, 30)
group by all
order by all;

-- query: abandonment_by_turn <= 10 ms
select turn_number, n_reached, n_abandoned, abandonment_rate
from marts.abandonment_by_turn
order by turn_number;

-- query: data_quality_last_7_days <= 10 ms
select *
from marts.data_quality_daily
where date_day > (select max(date_day) - 7 from marts.data_quality_daily)
order by date_day, stream;

-- query: where_the_cost_went <= 10 ms
select * from marts.cost_bridge order by all;

-- query: interactions_by_platform_and_day <= 300 ms
select interaction_date, platform, count(*) as n, avg(latency_ms) as latency_ms, sum(cost_usd) as usd
from marts.fct_interactions
group by all
order by all;

-- query: satisfaction_by_feature_and_model <= 300 ms
select
    feature, model, count(*) as n, count_if(thumbs = 'up') as n_up, count_if(thumbs = 'down') as n_down
from marts.fct_interactions
where interaction_date > (select max(date_day) - 28 from marts.engagement_daily)
group by all
order by all;

-- query: how_interactions_ended_by_prompt_version <= 300 ms
select prompt_version, end_state, count(*) as n
from marts.fct_interactions
group by all
order by all;

-- query: latency_of_calls_by_hour_last_7_days <= 300 ms
select
    date_trunc('hour', occurred_at) as hour, model,
    quantile_disc(latency_ms, [0.5, 0.95]) as latency_ms, count(*) as n
from marts.fct_responses
where response_date > (select max(date_day) - 7 from marts.engagement_daily)
group by all
order by all;

-- query: session_lengths <= 300 ms
select n_queries, count(*) as n, quantile_disc(duration_seconds, 0.5) as median_seconds
from marts.fct_sessions
where is_closed and not is_oversized
group by n_queries
order by n_queries;

-- query: conversation_depth_by_week <= 300 ms
select date_trunc('week', conversation_date) as week, avg(depth) as depth, count(*) as n
from marts.fct_conversations
where is_closed
group by all
order by all;

-- query: most_expensive_users <= 300 ms
select user_id, sum(priced_cost_usd) as usd, sum(n_queries) as n_queries
from marts.user_days
group by user_id
order by usd desc, user_id
limit 20;

-- query: one_conversation <= 300 ms
select asked_at, turn_number, model, latency_ms, cost_usd, end_state
from marts.fct_interactions
where conversation_id = (select max(conversation_id) from marts.fct_conversations)
order by turn_number;

-- query: one_user <= 300 ms
select session_id, started_at, duration_seconds, n_queries, end_state
from marts.fct_sessions
where user_id = (select max(user_id) from marts.dim_users)
order by started_at;
