-- One row per headline metric over everything loaded: what a person wants to see first.
{% set bases = ['split', 'estimated', 'logged', 'unbilled', 'unpriced', 'mixed', 'none'] %}
{% set days = [1, 7, 30] %}

-- Each figure: what it needs to be computable, the CTE and the columns of its two counts, and how
-- its value, if it is not their ratio, and its bounds follow from them.
{% set figures = [
    {
        'metric': 'users', 'needs': 'active_users', 'unit': 'users', 'from': 'user_totals',
        'numerator': 'n_users', 'value': 'n_users', 'note': 'with at least one query',
    },
    {
        'metric': 'sessions', 'needs': 'session_duration',
        'unit': 'sessions', 'from': 'session_totals',
        'numerator': 'n_sessions', 'value': 'n_sessions', 'note': 'of known users',
    },
    {
        'metric': 'session_duration_p50', 'needs': 'session_duration',
        'unit': 'seconds', 'from': 'session_totals',
        'denominator': 'n_rated_sessions', 'value': 'duration_p50_seconds',
        'note': 'median, without oversized sessions',
    },
    {
        'metric': 'messages_per_session', 'needs': 'messages_per_session', 'unit': 'messages',
        'from': 'session_totals', 'numerator': 'n_messages', 'denominator': 'n_rated_sessions',
        'note': 'without regenerations, edits and oversized sessions',
    },
    {
        'metric': 'conversation_depth', 'needs': 'conversation_depth', 'unit': 'answered queries',
        'from': 'conversation_totals', 'numerator': 'depth', 'denominator': 'n_conversations',
        'note': 'mean of closed conversations',
    },
] %}
{% for day in days %}
    {% do figures.append({
        'metric': 'retention_d' ~ day, 'needs': 'retention', 'unit': 'share of users',
        'from': 'retention_totals', 'numerator': 'n_retained_' ~ day,
        'denominator': 'n_eligible_' ~ day,
        'has_interval': true,
        'note': 'active on day ' ~ day ~ ' after the first query; cohorts whose day ' ~ day
            ~ ' has ended',
        
    }) %}
{% endfor %}
{% do figures.extend([
    {
        'metric': 'cost_per_interaction', 'needs': 'cost_per_interaction', 'unit': 'US dollars',
        'from': 'cost_totals', 'numerator': 'cost_usd', 'denominator': 'n_priced_interactions',
        'low': 'cost_low_usd', 'high': 'cost_high_usd', 'note_column': 'coverage',
    },
    {
        'metric': 'thumbs_ratio', 'needs': 'thumbs_ratio', 'unit': 'share of votes',
        'from': 'satisfaction_totals', 'numerator': 'n_up', 'denominator': 'n_votes',
        'has_interval': true, 'note': 'up among votes that stand, 95 % Wilson interval',
    },
    {
        'metric': 'response_rate', 'needs': 'response_rate', 'unit': 'share of answers',
        'from': 'satisfaction_totals', 'numerator': 'n_rated', 'denominator': 'n_eligible',
        'note': 'answers with a vote: how much the thumbs speak for',
    },
    {
        'metric': 'latency_p95', 'needs': 'latency',
        'unit': 'milliseconds', 'from': 'latency_totals',
        'denominator': 'n_latency', 'value': 'latency_p95_ms',
        'note': 'successful answers, on the server',
    },
    {
        'metric': 'error_rate', 'needs': 'error_rate',
        'unit': 'share of attempts', 'from': 'attempt_totals',
        'numerator': 'n_failed', 'denominator': 'n_attempts',
        'note': 'failed attempts at an answer, retried or not',
    },
    {
        'metric': 'user_error_rate', 'needs': 'user_error_rate', 'unit': 'share of queries',
        'from': 'reliability_totals', 'numerator': 'n_failed_queries',
        'denominator': 'n_mature_queries',
        'note': 'queries without an answer in time',
    },
]) %}

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
        {% for day in days -%}
        sum(case when day_number = {{ day }} then n_retained end) as n_retained_{{ day }},
        sum(case when day_number = {{ day }} then n_eligible end) as n_eligible_{{ day }},
        {% endfor -%}
        max(day_number) as last_day_number
    from cohort_days
),

cost_counts as (
    select
        {% for basis in bases -%}
        count(case when cost_basis = '{{ basis }}' then 1 end) as n_{{ basis }},
        {% endfor -%}
        count(*) as n_interactions,
        count(cost_usd) as n_priced_interactions,
        sum(cost_usd) as cost_usd,
        sum(cost_low_usd) as cost_low_usd,
        sum(cost_high_usd) as cost_high_usd
    from interactions
),

cost_totals as (
    select
        cost_usd,
        cost_low_usd,
        cost_high_usd,
        n_priced_interactions,
        'known for ' || n_priced_interactions || ' of ' || n_interactions
        || ' interactions; by basis:'
        {%- for basis in bases %}
        || case when n_{{ basis }} > 0 then ' {{ basis }} ' || n_{{ basis }} else '' end
        {%- endfor %} as coverage
    from cost_counts
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
    {% for figure in figures -%}
    {% set numerator = figure.get('numerator', 'null') -%}
    {% set denominator = figure.get('denominator', 'null') -%}
    select
        {{ loop.index }} as position,
        '{{ figure.metric }}' as metric,
        '{{ figure.needs }}' as needs,
        '{{ figure.unit }}' as unit,
        cast({{ numerator }} as decimal(38, 12)) as numerator,
        cast({{ denominator }} as decimal(38, 12)) as denominator,
        {% if figure.value -%}
        cast({{ figure.value }} as {{ llm_analytics.type_double() }}) as value,
        {%- else -%}
        {{ llm_analytics.ratio(numerator, denominator) }} as value,
        {%- endif %}
        {% for side in ['low', 'high'] -%}
        {% if figure.has_interval -%}
        {{ llm_analytics.wilson_bound(numerator, denominator, side) }} as {{ side }},
        {% elif figure[side] -%}
        {{ llm_analytics.ratio(figure[side], denominator) }} as {{ side }},
        {% else -%}
        cast(null as {{ llm_analytics.type_double() }}) as {{ side }},
        {% endif -%}
        {% endfor -%}
        {{ figure.note_column or "'" ~ figure.note ~ "'" }} as note
    from {{ figure.from }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
