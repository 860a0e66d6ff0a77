-- One row per headline metric over everything loaded: what a person wants to see first.
{% set bases = ['split', 'estimated', 'logged', 'unbilled', 'unpriced', 'mixed', 'none'] %}
{% set no_number = 'cast(null as decimal(38, 12))' %}
{% set no_bound = 'cast(null as double precision)' %}

with

users as (
    select * from {{ ref('dim_users') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

conversations as (
    select * from {{ ref('fct_conversations') }}
),

cohort_days as (
    select * from {{ ref('retention_by_cohort') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

calls as (
    select * from {{ ref('int_calls') }}
),

model_days as (
    select * from {{ ref('model_performance_daily') }}
),

reliability_days as (
    select * from {{ ref('reliability_daily') }}
),

satisfaction_days as (
    select * from {{ ref('satisfaction_daily') }}
),

computability as (
    select * from {{ ref('metric_computability') }}
),

user_totals as (
    select {{ llm_analytics.count_if('not is_excluded and n_active_days > 0') }} as n_users
    from users
),

session_totals as (
    select
        count(*) as n_sessions,
        {{ llm_analytics.count_if('not is_oversized') }} as n_rated_sessions,
        sum(case when not is_oversized then n_messages end) as n_messages,
        {{ llm_analytics.quantile('case when not is_oversized then duration_seconds end', 0.5) }}
            as duration_p50_seconds
    from sessions
),

conversation_totals as (
    select
        {{ llm_analytics.count_if('is_closed') }} as n_conversations,
        sum(case when is_closed then depth end) as depth
    from conversations
),

retention_totals as (
    select
        {% for day in [1, 7, 30] -%}
        sum(case when day_number = {{ day }} then n_retained end) as n_retained_{{ day }},
        sum(case when day_number = {{ day }} then n_eligible end) as n_eligible_{{ day }}{{ ',' if not loop.last }}
        {% endfor %}
    from cohort_days
),

cost_totals as (
    select
        count(*) as n_interactions,
        sum(n_calls) as n_calls,
        count(cost_usd) as n_priced_interactions,
        sum(cost_usd) as cost_usd,
        sum(cost_low_usd) as cost_low_usd,
        sum(cost_high_usd) as cost_high_usd,
        {% for basis in bases -%}
        {{ llm_analytics.count_if("cost_basis = '" ~ basis ~ "'") }} as n_{{ basis }}{{ ',' if not loop.last }}
        {% endfor %}
    from interactions
),

latency_totals as (
    select
        count(latency_ms) as n_latency,
        {{ llm_analytics.quantile('latency_ms', 0.95) }} as latency_p95_ms
    from calls
    where is_successful_answer
),

attempt_totals as (
    select
        sum(n_attempts) as n_attempts,
        sum(n_failed) as n_failed
    from model_days
),

reliability_totals as (
    select
        sum(n_mature_queries) as n_mature_queries,
        sum(n_failed_queries) as n_failed_queries
    from reliability_days
),

satisfaction_totals as (
    select
        sum(n_up) as n_up,
        sum(n_up) + sum(n_down) as n_votes,
        sum(n_rated) as n_rated,
        sum(n_eligible) as n_eligible
    from satisfaction_days
),

figures as (
    select
        1 as position,
        'users' as metric,
        'active_users' as needs,
        'users' as unit,
        cast(n_users as decimal(38, 12)) as numerator,
        {{ no_number }} as denominator,
        cast(n_users as double precision) as value,
        {{ no_bound }} as low,
        {{ no_bound }} as high,
        'with at least one query' as note
    from user_totals
    union all
    select
        2, 'sessions', 'session_duration', 'sessions',
        cast(n_sessions as decimal(38, 12)), {{ no_number }}, cast(n_sessions as double precision),
        {{ no_bound }}, {{ no_bound }}, 'of known users'
    from session_totals
    union all
    select
        3, 'session_duration_p50', 'session_duration', 'seconds',
        {{ no_number }}, cast(n_rated_sessions as decimal(38, 12)), cast(duration_p50_seconds as double precision),
        {{ no_bound }}, {{ no_bound }}, 'median, without oversized sessions'
    from session_totals
    union all
    select
        4, 'messages_per_session', 'messages_per_session', 'messages',
        cast(n_messages as decimal(38, 12)), cast(n_rated_sessions as decimal(38, 12)),
        {{ llm_analytics.ratio('n_messages', 'n_rated_sessions') }},
        {{ no_bound }}, {{ no_bound }}, 'without regenerations, edits and oversized sessions'
    from session_totals
    union all
    select
        5, 'conversation_depth', 'conversation_depth', 'answered queries',
        cast(depth as decimal(38, 12)), cast(n_conversations as decimal(38, 12)),
        {{ llm_analytics.ratio('depth', 'n_conversations') }},
        {{ no_bound }}, {{ no_bound }}, 'mean of closed conversations'
    from conversation_totals
    {% for day in [1, 7, 30] -%}
    union all
    select
        {{ 5 + loop.index }}, 'retention_d{{ day }}', 'retention', 'share of users',
        cast(n_retained_{{ day }} as decimal(38, 12)), cast(n_eligible_{{ day }} as decimal(38, 12)),
        {{ llm_analytics.ratio('n_retained_' ~ day, 'n_eligible_' ~ day) }},
        {{ llm_analytics.wilson_bound('n_retained_' ~ day, 'n_eligible_' ~ day, 'low') }},
        {{ llm_analytics.wilson_bound('n_retained_' ~ day, 'n_eligible_' ~ day, 'high') }},
        'active on day {{ day }} after the first query; cohorts whose day {{ day }} has ended'
    from retention_totals
    {% endfor -%}
    union all
    select
        9, 'cost_per_interaction', 'cost_per_interaction', 'US dollars',
        cast(case when n_calls > 0 then cost_usd end as decimal(38, 12)),
        cast(n_priced_interactions as decimal(38, 12)),
        case when n_calls > 0 then {{ llm_analytics.ratio('cost_usd', 'n_priced_interactions') }} end,
        case when n_calls > 0 then {{ llm_analytics.ratio('cost_low_usd', 'n_priced_interactions') }} end,
        case when n_calls > 0 then {{ llm_analytics.ratio('cost_high_usd', 'n_priced_interactions') }} end,
        'known for ' || n_priced_interactions || ' of ' || n_interactions || ' interactions; by basis:'
        {%- for basis in bases %}
        || case when n_{{ basis }} > 0 then ' {{ basis }} ' || n_{{ basis }} else '' end
        {%- endfor %}
    from cost_totals
    union all
    select
        10, 'thumbs_ratio', 'thumbs_ratio', 'share of votes',
        cast(n_up as decimal(38, 12)), cast(n_votes as decimal(38, 12)),
        {{ llm_analytics.ratio('n_up', 'n_votes') }},
        {{ llm_analytics.wilson_bound('n_up', 'n_votes', 'low') }},
        {{ llm_analytics.wilson_bound('n_up', 'n_votes', 'high') }},
        'up among votes that stand, 95 % Wilson interval'
    from satisfaction_totals
    union all
    select
        11, 'response_rate', 'response_rate', 'share of answers',
        cast(n_rated as decimal(38, 12)), cast(n_eligible as decimal(38, 12)),
        {{ llm_analytics.ratio('n_rated', 'n_eligible') }},
        {{ no_bound }}, {{ no_bound }}, 'answers with a vote: how much the thumbs speak for'
    from satisfaction_totals
    union all
    select
        12, 'latency_p95', 'latency', 'milliseconds',
        {{ no_number }}, cast(n_latency as decimal(38, 12)), cast(latency_p95_ms as double precision),
        {{ no_bound }}, {{ no_bound }}, 'successful answers, on the server'
    from latency_totals
    union all
    select
        13, 'error_rate', 'error_rate', 'share of attempts',
        cast(n_failed as decimal(38, 12)), cast(n_attempts as decimal(38, 12)),
        {{ llm_analytics.ratio('n_failed', 'n_attempts') }},
        {{ no_bound }}, {{ no_bound }}, 'failed attempts at an answer, retried or not'
    from attempt_totals
    union all
    select
        14, 'user_error_rate', 'user_error_rate', 'share of queries',
        cast(n_failed_queries as decimal(38, 12)), cast(n_mature_queries as decimal(38, 12)),
        {{ llm_analytics.ratio('n_failed_queries', 'n_mature_queries') }},
        {{ no_bound }}, {{ no_bound }}, 'queries without an answer in time'
    from reliability_totals
),

final as (
    select
        cast(figures.position as {{ dbt.type_bigint() }}) as position,
        figures.metric,
        figures.unit,
        figures.numerator,
        figures.denominator,
        case when computability.is_computable then figures.value end as value,
        case when computability.is_computable then figures.low end as low,
        case when computability.is_computable then figures.high end as high,
        case
            when computability.is_computable then figures.note
            else 'not computable, missing: ' || computability.missing
        end as note
    from figures
    inner join computability
        on figures.needs = computability.metric
)

select * from final
