-- One row per firing: an alert rule and a window in which it holds.
{{ config(materialized='view') }}

with

alert_windows as (
    select * from {{ ref('alert_windows') }}
),

rules as (
    select * from {{ llm_analytics.seed('alert_rules') }}
),

final as (
    select
        alert_windows.rule,
        alert_windows.metric,
        alert_windows.dimension,
        alert_windows.value,
        alert_windows.severity,
        alert_windows.window_minutes,
        alert_windows.window_started_at,
        alert_windows.window_ended_at,
        alert_windows.n,
        alert_windows.metric_value,
        alert_windows.baseline,
        alert_windows.alert_limit,
        rules.runbook
    from alert_windows
    inner join rules
        on alert_windows.rule = rules.rule
    where alert_windows.is_firing
)

select * from final
