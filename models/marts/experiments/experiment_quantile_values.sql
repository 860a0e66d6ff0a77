-- One row per experiment, quantile metric and row that it is a quantile of, in the window.
-- A view: only experiments with few units are read in full, to be resampled.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

{% set metrics = llm_analytics.experiment_metrics() %}
{% set sources = llm_analytics.experiment_sources() %}
{% set used = metrics.values() | selectattr('percent', 'defined') | map(attribute='source')
    | unique | list %}

with

exposures as (
    select * from {{ ref('experiment_exposures') }}
    where not is_excluded
),

{% for source_name in used -%}
{{ llm_analytics.experiment_rows(source_name, sources[source_name]) }},

{% endfor -%}

quantile_values as (
    {%- for name, metric in metrics.items() if metric.percent %}
    {%- set source = sources[metric.source] %}
    select
        exposures.experiment_id,
        exposures.unit_id,
        '{{ name }}' as metric,
        exposures.variant,
        exposures.allocation_phase,
        exposures.window_days,
        cast({{ metric.percent }} as {{ dbt.type_bigint() }}) as quantile_percent,
        {{ metric.source }}_rows.{{ metric.numerator }} as value
    from exposures
    inner join {{ metric.source }}_rows
        on
            exposures.experiment_id = {{ metric.source }}_rows.experiment_id
            and exposures.unit_id = {{ metric.source }}_rows.unit_id
    where
        {{ metric.source }}_rows.is_in_window
        and exposures.window_ends_at <= {{ llm_analytics.as_of(metric.streams or source.streams) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        experiment_id,
        unit_id,
        metric,
        variant,
        allocation_phase,
        window_days,
        quantile_percent,
        cast(value as {{ dbt.type_bigint() }}) as value
    from quantile_values
    where value is not null
)

select * from final
