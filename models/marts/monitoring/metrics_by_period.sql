-- One row per metric, week or month, dimension and value of it: what reports compare. Ratios are of
-- the sums of the period, quantiles of its merged histogram.

{#- Users of overlapping windows are not summed: of the period is the window that ends with it. -#}
{% set rolling = {'week': 'weekly_active_users', 'month': 'monthly_active_users'} %}
{% set windows = rolling.values() | join("', '") %}
{#- Averages of its days: a user of two days would be two users of their sum. -#}
{% set averaged = ['active_users'] %}

with

metrics_daily as (
    select * from {{ ref('metrics_daily') }}
),

engagement_daily as (
    select * from {{ ref('engagement_daily') }}
),

latency_histograms_daily as (
    select * from {{ ref('latency_histograms_daily') }}
),

bounds as (
    select min(date_day) as first_date from engagement_daily
),

days as (
    {% for period, window in rolling.items() -%}
    select
        '{{ period }}' as period,
        cast({{ dbt.date_trunc(period, 'date_day') }} as date) as period_start_date,
        {{ llm_analytics.last_date_of(period, 'date_day') }} as period_end_date,
        metric,
        date_day,
        dimension,
        value,
        numerator,
        denominator,
        is_mature
    from metrics_daily
    where
        metric <> 'latency_p95'
        and (
            metric not in ('{{ windows }}')
            or (
                metric = '{{ window }}'
                and date_day
                = {{ llm_analytics.last_date_of(period, 'date_day') }}
            )
        )
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sums as (
    select
        period,
        period_start_date,
        period_end_date,
        metric,
        dimension,
        value,
        count(*) as n_days,
        sum(numerator) as numerator,
        case
            when metric in ('{{ averaged | join("', '") }}') then cast(count(*) as decimal(38, 12))
            else sum(denominator)
        end as denominator,
        {{ llm_analytics.count_if('denominator is not null') }} > 0
        or metric in ('{{ averaged | join("', '") }}') as is_ratio,
        {{ llm_analytics.count_if('not is_mature') }} = 0 as is_mature
    from days
    group by period, period_start_date, period_end_date, metric, dimension, value
),

histograms as (
    {% for period in rolling -%}
    select
        '{{ period }}' as period,
        cast({{ dbt.date_trunc(period, 'date_day') }} as date) as period_start_date,
        {{ llm_analytics.last_date_of(period, 'date_day') }} as period_end_date,
        date_day,
        value_ms,
        n_calls
    from latency_histograms_daily
    where measure = 'latency'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

latency_quantiles as (
    {{ llm_analytics.quantile_of_histogram(
        'histograms', ['period', 'period_start_date'], 'value_ms', 'n_calls', 0.95
    ) }}
),

latency_counts as (
    select
        period,
        period_start_date,
        period_end_date,
        count(distinct date_day) as n_days,
        sum(n_calls) as n_calls
    from histograms
    group by period, period_start_date, period_end_date
),

together as (
    select
        period,
        period_start_date,
        period_end_date,
        metric,
        dimension,
        value,
        n_days,
        numerator,
        denominator,
        case
            when is_ratio then {{ llm_analytics.ratio('numerator', 'denominator') }}
            else cast(numerator as {{ llm_analytics.type_double() }})
        end as metric_value,
        is_mature
    from sums
    union all
    select
        latency_counts.period,
        latency_counts.period_start_date,
        latency_counts.period_end_date,
        'latency_p95' as metric,
        'all' as dimension,
        cast(null as {{ dbt.type_string() }}) as value,
        latency_counts.n_days,
        cast(null as decimal(38, 12)) as numerator,
        cast(latency_counts.n_calls as decimal(38, 12)) as denominator,
        cast(latency_quantiles.value_ms as {{ llm_analytics.type_double() }}) as metric_value,
        true as is_mature
    from latency_counts
    inner join latency_quantiles
        on
            latency_counts.period = latency_quantiles.period
            and latency_counts.period_start_date = latency_quantiles.period_start_date
),

final as (
    select
        together.period,
        together.period_start_date,
        together.period_end_date,
        together.metric,
        together.dimension,
        together.value,
        together.n_days,
        cast(together.numerator as decimal(38, 12)) as numerator,
        cast(together.denominator as decimal(38, 12)) as denominator,
        together.metric_value,
        together.is_mature
        and together.period_start_date >= bounds.first_date
        and {{ llm_analytics.is_elapsed('together.period_end_date') }} as is_complete
    from together
    cross join bounds
)

select * from final
