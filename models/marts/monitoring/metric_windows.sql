-- One row per metric, dimension, value and complete window (five minutes, an hour, a reporting
-- date) that an alert may look at. A silent stream has windows of zero.
{% set streams = {
    'queries': 'int_queries', 'responses': 'int_calls', 'feedback': 'int_feedback',
    'product_events': 'int_product_events', 'probes': 'int_probes',
} %}
{% set no_value = 'cast(null as ' ~ dbt.type_string() ~ ')' %}
{% set no_error = 'cast(null as ' ~ llm_analytics.type_double() ~ ') as standard_error' %}

with

calls as (
    select * from {{ ref('int_calls') }}
),

buckets as (
    select * from {{ ref('availability_by_bucket') }}
),

metrics as (
    select * from {{ ref('metrics_daily') }}
),

reaches as (
    select * from {{ ref('int_as_of') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

newest as (
    select max(as_of) as as_of
    from reaches
),

hourly as (
    select
        {{ llm_analytics.start_of_minutes('occurred_at', 60) }} as window_started_at,
        count(*) as n_attempts,
        {{ llm_analytics.count_if('not is_success') }} as n_failed,
        sum(input_tokens) as input_tokens,
        count(input_tokens) as n_with_tokens,
        count(case when is_success then latency_ms end) as n_latency,
        {{ llm_analytics.quantile('case when is_success then latency_ms end', 0.95) }}
            as latency_p95_ms,
        {{ llm_analytics.count_if(
            'is_success and latency_ms > ' ~ llm_analytics.setting('slow_answer_ms')
        ) }} as n_slow
    from calls
    where call_role = 'answer'
    group by {{ llm_analytics.start_of_minutes('occurred_at', 60) }}
),

-- What each user has in an hour. A call that names nobody is its own user.
user_hours as (
    select
        {{ llm_analytics.start_of_minutes('occurred_at', 60) }} as window_started_at,
        count(*) as n_attempts,
        {{ llm_analytics.count_if('not is_success') }} as n_failed,
        coalesce(sum(input_tokens), 0) as input_tokens,
        count(input_tokens) as n_with_tokens,
        count(case when is_success then latency_ms end) as n_latency,
        {{ llm_analytics.count_if(
            'is_success and latency_ms > ' ~ llm_analytics.setting('slow_answer_ms')
        ) }} as n_slow
    from calls
    where call_role = 'answer'
    group by
        {{ llm_analytics.start_of_minutes('occurred_at', 60) }},
        coalesce(user_id, response_event_id)
),

errors as (
    select
        window_started_at,
        {{ llm_analytics.clustered_error('n_failed', 'n_attempts') }} as failed_error,
        {{ llm_analytics.clustered_error('n_slow', 'n_latency') }} as slow_error,
        {{ llm_analytics.clustered_error('input_tokens', 'n_with_tokens') }} as tokens_error
    from user_hours
    group by window_started_at
),

attempts as (
    select
        hourly.window_started_at,
        hourly.n_attempts,
        hourly.n_failed,
        hourly.input_tokens,
        hourly.n_with_tokens,
        hourly.n_latency,
        hourly.latency_p95_ms,
        hourly.n_slow,
        errors.failed_error,
        errors.slow_error,
        errors.tokens_error
    from hourly
    inner join errors
        on hourly.window_started_at = errors.window_started_at
),

available as (
    select
        {{ llm_analytics.start_of_minutes('bucket_started_at', 60) }} as window_started_at,
        {{ llm_analytics.count_if("state = 'up'") }} as n_up,
        {{ llm_analytics.count_if("state <> 'unknown'") }} as n_known
    from buckets
    group by {{ llm_analytics.start_of_minutes('bucket_started_at', 60) }}
),

events as (
    {% for stream, relation in streams.items() -%}
    select
        '{{ stream }}' as stream,
        {{ llm_analytics.start_of_minutes('occurred_at', 60) }} as window_started_at,
        count(*) as n_events
    from {{ ref(relation) }}
    {{ 'where is_withdrawn is not true' if stream == 'queries' }}
    group by {{ llm_analytics.start_of_minutes('occurred_at', 60) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

first_events as (
    select
        stream,
        min(window_started_at) as first_window_at
    from events
    group by stream
),

hours as (
    {{ dbt.generate_series(24) }}
),

day_hours as (
    select
        {{ llm_analytics.add_seconds(
            'cast(dates.date_day as timestamp)', '(hours.generated_number - 1) * 3600'
        ) }} as window_started_at
    from dates
    cross join hours
),

stream_hours as (
    select
        first_events.stream,
        day_hours.window_started_at
    from first_events
    inner join day_hours
        on first_events.first_window_at <= day_hours.window_started_at
),

windows as (
    select
        'error_rate' as metric,
        'all' as dimension,
        {{ no_value }} as value,
        60 as window_minutes,
        window_started_at,
        n_failed as numerator,
        n_attempts as denominator,
        {{ llm_analytics.ratio('n_failed', 'n_attempts') }} as metric_value,
        failed_error as standard_error
    from attempts
    union all
    select
        'latency_p95' as metric,
        'all' as dimension,
        {{ no_value }} as value,
        60 as window_minutes,
        window_started_at,
        null as numerator,
        n_latency as denominator,
        cast(latency_p95_ms as {{ llm_analytics.type_double() }}) as metric_value,
        {{ no_error }}
    from attempts
    union all
    select
        'slow_answer_rate' as metric,
        'all' as dimension,
        {{ no_value }} as value,
        60 as window_minutes,
        window_started_at,
        n_slow as numerator,
        n_latency as denominator,
        {{ llm_analytics.ratio('n_slow', 'n_latency') }} as metric_value,
        slow_error as standard_error
    from attempts
    union all
    select
        'input_tokens_per_attempt' as metric,
        'all' as dimension,
        {{ no_value }} as value,
        60 as window_minutes,
        window_started_at,
        input_tokens as numerator,
        n_with_tokens as denominator,
        {{ llm_analytics.ratio('input_tokens', 'n_with_tokens') }} as metric_value,
        tokens_error as standard_error
    from attempts
    union all
    select
        'availability' as metric,
        'all' as dimension,
        {{ no_value }} as value,
        60 as window_minutes,
        window_started_at,
        n_up as numerator,
        n_known as denominator,
        {{ llm_analytics.ratio('n_up', 'n_known') }} as metric_value,
        {{ no_error }}
    from available
    union all
    select
        'error_rate' as metric,
        'all' as dimension,
        {{ no_value }} as value,
        5 as window_minutes,
        bucket_started_at as window_started_at,
        n_failed as numerator,
        n_attempts as denominator,
        {{ llm_analytics.ratio('n_failed', 'n_attempts') }} as metric_value,
        {{ no_error }}
    from buckets
    union all
    select
        'events' as metric,
        'stream' as dimension,
        stream_hours.stream as value,
        60 as window_minutes,
        stream_hours.window_started_at,
        coalesce(events.n_events, 0) as numerator,
        null as denominator,
        cast(coalesce(events.n_events, 0) as {{ llm_analytics.type_double() }}) as metric_value,
        {{ no_error }}
    from stream_hours
    left join events
        on
            stream_hours.stream = events.stream
            and stream_hours.window_started_at = events.window_started_at
),

bounded as (
    select
        metric,
        dimension,
        value,
        window_minutes,
        window_started_at,
        {{ llm_analytics.add_seconds('window_started_at', 'window_minutes * 60') }}
            as window_ended_at,
        cast(numerator as decimal(38, 12)) as numerator,
        cast(denominator as decimal(38, 12)) as denominator,
        metric_value,
        standard_error
    from windows
    union all
    select
        metric,
        dimension,
        value,
        1440 as window_minutes,
        {{ llm_analytics.start_of_reporting_date('date_day') }} as window_started_at,
        {{ llm_analytics.start_of_reporting_date(llm_analytics.add_days('date_day', 1)) }}
            as window_ended_at,
        numerator,
        denominator,
        metric_value,
        {{ no_error }}
    from metrics
    where is_mature
),

final as (
    select
        bounded.metric,
        bounded.dimension,
        bounded.value,
        cast(bounded.window_minutes as {{ dbt.type_bigint() }}) as window_minutes,
        bounded.window_started_at,
        bounded.window_ended_at,
        bounded.numerator,
        bounded.denominator,
        bounded.metric_value,
        bounded.standard_error
    from bounded
    inner join newest
        on bounded.window_ended_at <= newest.as_of
    where bounded.metric_value is not null
)

select * from final
