-- One row per alert rule and window that it looks at, whether it fires or not.
-- A robust rule compares with the median of the windows of the days before: of 7, for days of 28.
{% set history_days = {5: 1, 60: 7, 1440: 28} %}
{% set needed = {5: 24, 60: 24, 1440: 7} %}

with

rules as (
    select * from {{ llm_analytics.seed('alert_rules') }}
),

metric_windows as (
    select * from {{ ref('metric_windows') }}
),

-- Windows with too little in them neither fire nor serve as history.
watched as (
    select
        rules.rule,
        rules.method,
        rules.direction,
        rules.threshold,
        rules.beyond,
        rules.noise,
        rules.min_n,
        rules.severity,
        metric_windows.metric,
        metric_windows.dimension,
        coalesce(metric_windows.value, '') as value,
        metric_windows.window_minutes,
        metric_windows.window_started_at,
        metric_windows.window_ended_at,
        metric_windows.numerator,
        metric_windows.denominator,
        metric_windows.metric_value,
        metric_windows.standard_error,
        {{ llm_analytics.effective_n(
            'metric_windows.denominator', 'metric_windows.metric_value',
            'metric_windows.standard_error',
        ) }} as effective_n,
        cast(metric_windows.window_started_at as date) as window_date,
        case metric_windows.window_minutes
            {% for minutes, days in history_days.items() -%}
            when {{ minutes }} then {{ days }}
            {% endfor -%}
        end as history_days,
        case metric_windows.window_minutes
            {% for minutes, n in needed.items() -%}
            when {{ minutes }} then {{ n }}
            {% endfor -%}
        end as n_needed
    from metric_windows
    inner join rules
        on
            metric_windows.metric = rules.metric
            and metric_windows.dimension = rules.dimension
            and metric_windows.window_minutes = rules.window_minutes
    where
        metric_windows.denominator is null
        or metric_windows.denominator >= rules.min_n
),

offsets as (
    {{ dbt.generate_series(history_days.values() | max) }}
),

-- Each window is history of the days after its own, so that rows meet by equal dates.
history as (
    select
        watched.rule,
        watched.value,
        watched.numerator,
        watched.denominator,
        watched.metric_value,
        {{ llm_analytics.add_days('watched.window_date', 'offsets.generated_number') }}
            as compared_date
    from watched
    inner join offsets
        on watched.history_days >= offsets.generated_number
    where watched.method = 'robust'
),

medians as (
    select
        rule,
        value,
        compared_date,
        count(*) as n_history,
        {{ llm_analytics.quantile('metric_value', 0.5) }} as median,
        {{ llm_analytics.ratio('sum(numerator)', 'sum(denominator)') }} as pooled
    from history
    group by rule, value, compared_date
),

deviations as {{ llm_analytics.materialized() }} (
    select
        history.rule,
        history.value,
        history.compared_date,
        {{ llm_analytics.quantile('abs(history.metric_value - medians.median)', 0.5) }}
            as deviation
    from history
    inner join medians
        on
            history.rule = medians.rule
            and history.value = medians.value
            and history.compared_date = medians.compared_date
    group by history.rule, history.value, history.compared_date
),

limited as (
    select
        watched.rule,
        watched.severity,
        watched.method,
        watched.direction,
        watched.threshold,
        watched.noise,
        watched.beyond,
        watched.metric,
        watched.dimension,
        nullif(watched.value, '') as value,
        watched.window_minutes,
        watched.window_started_at,
        watched.window_ended_at,
        watched.denominator,
        watched.metric_value,
        medians.median as baseline,
        case
            when watched.method = 'static'
                then {{ llm_analytics.static_limit(
                    'watched.threshold', 'watched.direction', 'watched.noise', 'watched.effective_n'
                ) }}
            when
                medians.n_history >= watched.n_needed
                and (watched.denominator is not null or medians.median >= watched.min_n)
                then
                    {{ llm_analytics.robust_limit(
                        'watched.noise', 'watched.direction', 'watched.threshold',
                        'medians.median', 'coalesce(medians.pooled, medians.median)',
                        'deviations.deviation', 'watched.effective_n',
                        llm_analytics.ratio('watched.standard_error', 'watched.metric_value'),
                    ) }}
        end as alert_limit
    from watched
    left join medians
        on
            watched.rule = medians.rule
            and watched.value = medians.value
            and watched.window_date = medians.compared_date
    left join deviations
        on
            watched.rule = deviations.rule
            and watched.value = deviations.value
            and watched.window_date = deviations.compared_date
),

final as (
    select
        -- what the row is about
        rule,
        metric,
        dimension,
        value,
        severity,
        method,
        direction,
        noise,
        window_minutes,
        window_started_at,
        window_ended_at,

        -- what it says
        denominator as n,
        metric_value,
        baseline,
        threshold,
        alert_limit,
        {{ llm_analytics.is_beyond('metric_value', 'direction', 'alert_limit') }}
        and (
            beyond is null
            or {{ llm_analytics.is_beyond(
                'metric_value', 'direction', 'cast(beyond as ' ~ llm_analytics.type_double() ~ ')'
            ) }}
        ) as is_firing
    from limited
    where alert_limit is not null
)

select * from final
