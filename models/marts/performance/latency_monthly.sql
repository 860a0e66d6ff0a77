-- One row per month, provider, model and measure: quantiles of the merged daily histograms.
{% set quantiles = {50: 0.5, 95: 0.95, 99: 0.99} %}
{% set groups = ['month_start_date', 'provider', 'model', 'measure'] %}

with

histograms as (
    select
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_date,
        coalesce(provider, '') as provider,
        coalesce(model, '') as model,
        measure,
        value_ms,
        n_calls
    from {{ ref('latency_histograms_daily') }}
),

{% for percent, q in quantiles.items() -%}
p{{ percent }} as (
    {{ llm_analytics.quantile_of_histogram(
        'histograms', groups, 'value_ms', 'n_calls', q
    ) }}
),

{% endfor -%}
totals as (
    select
        month_start_date,
        provider,
        model,
        measure,
        {{ llm_analytics.sum_integer('n_calls') }} as n_calls
    from histograms
    group by month_start_date, provider, model, measure
),

final as (
    select
        totals.month_start_date,
        nullif(totals.provider, '') as provider,
        nullif(totals.model, '') as model,
        totals.measure,
        totals.n_calls,
        p50.value_ms as p50_ms,
        p95.value_ms as p95_ms,
        p99.value_ms as p99_ms
    from totals
    inner join p50
        on
            totals.month_start_date = p50.month_start_date
            and totals.provider = p50.provider
            and totals.model = p50.model
            and totals.measure = p50.measure
    inner join p95
        on
            totals.month_start_date = p95.month_start_date
            and totals.provider = p95.provider
            and totals.model = p95.model
            and totals.measure = p95.measure
    inner join p99
        on
            totals.month_start_date = p99.month_start_date
            and totals.provider = p99.provider
            and totals.model = p99.model
            and totals.measure = p99.measure
)

select * from final
