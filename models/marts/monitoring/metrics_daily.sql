-- One row per metric, reporting date, dimension and value of it: what alerts, reports and boards
-- read. A ratio is numerator / denominator; a count has no denominator, a quantile no numerator.

{% set figures = llm_analytics.daily_figures() %}
{% set marts = figures | map(attribute=1) | unique | list %}

with

{% for mart in marts -%}
{{ mart }} as (
    select * from {{ ref(mart) }}
),

{% endfor -%}
histograms as (
    select
        date_day,
        coalesce(model, '') as model,
        value_ms,
        n_calls
    from {{ ref('latency_histograms_daily') }}
    where measure = 'latency'
),

retention_by_cohort as (
    select * from {{ ref('retention_by_cohort') }}
),

sums as (
    {% for metric, mart, numerator, denominator, dimension, is_final in figures -%}
    {% set date = 'activity_date' if mart == 'user_revenue_days' else 'date_day' -%}
    select
        '{{ metric }}' as metric,
        {{ date }} as date_day,
        '{{ dimension or 'all' }}' as dimension,
        {{ dimension or 'cast(null as ' ~ dbt.type_string() ~ ')' }} as value,
        cast(sum({{ numerator }}) as decimal(38, 12)) as numerator,
        cast(
            {{ 'coalesce(sum(' ~ denominator ~ '), 0)' if denominator else 'null' }}
            as decimal(38, 12)
        ) as denominator,
        {{ llm_analytics.count_if('not (' ~ is_final ~ ')') }} = 0 as is_mature
    from {{ mart }}
    group by {{ date }}{{ ', ' ~ dimension if dimension }}
    union all
    {% endfor -%}
    {% for day in [1, 7, 30] -%}
    select
        'retention_d{{ day }}' as metric,
        cohort_date as date_day,
        'all' as dimension,
        cast(null as {{ dbt.type_string() }}) as value,
        cast(n_retained as decimal(38, 12)) as numerator,
        cast(n_eligible as decimal(38, 12)) as denominator,
        is_mature
    from retention_by_cohort
    where day_number = {{ day }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

latency_by_day as (
    {{ llm_analytics.quantile_of_histogram(
        'histograms', ['date_day'], 'value_ms', 'n_calls', 0.95
    ) }}
),

latency_by_model as (
    {{ llm_analytics.quantile_of_histogram(
        'histograms', ['date_day', 'model'], 'value_ms', 'n_calls', 0.95
    ) }}
),

latency_counts as (
    select
        date_day,
        model,
        sum(n_calls) as n_calls
    from histograms
    group by date_day, model
),

latency as (
    select
        latency_by_day.date_day,
        'all' as dimension,
        cast(null as {{ dbt.type_string() }}) as value,
        sum(latency_counts.n_calls) as n_calls,
        min(latency_by_day.value_ms) as value_ms
    from latency_by_day
    inner join latency_counts
        on latency_by_day.date_day = latency_counts.date_day
    group by latency_by_day.date_day
    union all
    select
        latency_by_model.date_day,
        'model' as dimension,
        nullif(latency_by_model.model, '') as value,
        latency_counts.n_calls,
        latency_by_model.value_ms
    from latency_by_model
    inner join latency_counts
        on
            latency_by_model.date_day = latency_counts.date_day
            and latency_by_model.model = latency_counts.model
),

final as (
    select
        metric,
        date_day,
        dimension,
        value,
        numerator,
        denominator,
        case
            when denominator is null then cast(numerator as {{ llm_analytics.type_double() }})
            else {{ llm_analytics.ratio('numerator', 'denominator') }}
        end as metric_value,
        is_mature
    from sums
    union all
    select
        'latency_p95' as metric,
        date_day,
        dimension,
        value,
        cast(null as decimal(38, 12)) as numerator,
        cast(n_calls as decimal(38, 12)) as denominator,
        cast(value_ms as {{ llm_analytics.type_double() }}) as metric_value,
        true as is_mature
    from latency
)

select * from final
