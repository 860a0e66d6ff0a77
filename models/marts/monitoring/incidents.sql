-- One row per incident: firings of a rule without a quiet window between them.
with

alert_windows as (
    select * from {{ ref('alert_windows') }}
),

-- Each firing belongs to the quiet windows before it.
counted as (
    select
        rule,
        metric,
        dimension,
        value,
        severity,
        window_started_at,
        window_ended_at,
        metric_value,
        is_firing,
        sum(case when is_firing then 0 else 1 end) over (
            partition by rule, value
            order by window_started_at
        ) as n_quiet_before
    from alert_windows
),

stretches as (
    select
        rule,
        metric,
        dimension,
        value,
        severity,
        n_quiet_before,
        count(*) as n_firings,
        min(window_started_at) as opened_at,
        max(window_ended_at) as last_seen_at,
        min(metric_value) as lowest_value,
        max(metric_value) as highest_value
    from counted
    where is_firing
    group by rule, metric, dimension, value, severity, n_quiet_before
),

quiet as (
    select
        rule,
        coalesce(value, '') as value,
        n_quiet_before,
        window_ended_at
    from counted
    where not is_firing
),

final as (
    select
        -- what the row is about
        {{ llm_analytics.surrogate_key(
            ['stretches.rule', 'stretches.value',
            llm_analytics.epoch_microseconds('stretches.opened_at')]
        ) }} as incident_id,
        stretches.rule,
        stretches.metric,
        stretches.dimension,
        stretches.value,
        stretches.severity,

        -- how bad it was
        stretches.n_firings,
        stretches.lowest_value,
        stretches.highest_value,

        -- when it was
        quiet.window_ended_at is null as is_open,
        stretches.opened_at,
        stretches.last_seen_at,
        quiet.window_ended_at as resolved_at
    from stretches
    left join quiet
        on
            stretches.rule = quiet.rule
            and coalesce(stretches.value, '') = quiet.value
            and stretches.n_quiet_before + 1 = quiet.n_quiet_before
)

select * from final
