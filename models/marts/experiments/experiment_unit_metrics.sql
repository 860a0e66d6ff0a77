-- One row per experiment, unit and metric: what the unit did in the window, and before exposure.
-- Eligible without activity is 0 of 0, and kept: whoever was assigned counts (intention to treat).
{% set metrics = llm_analytics.experiment_metrics() %}
{% set sources = llm_analytics.experiment_sources() %}

with

exposures as (
    select * from {{ ref('experiment_exposures') }}
    where not is_excluded
),

{% for source_name, source in sources.items() %}
{{ llm_analytics.experiment_rows(source_name, source) }},

{{ source_name }}_totals as (
    select
        experiment_id,
        unit_id
        {%- for name, metric in metrics.items()
            if metric.source == source_name and not metric.percent %}
        {%- set inside = 'is_in_window' if not metric.window_days else
            'elapsed_microseconds >= 0 and elapsed_microseconds < '
            ~ metric.window_days * 86400000000 %}
        {%- for part, condition in {'': inside, '_pre': 'is_before'}.items() %},
        {{ llm_analytics.sum_integer(
            'case when ' ~ condition ~ ' then ' ~ metric.numerator ~ ' end'
        ) }} as {{ name }}_num{{ part }},
        {% if metric.denominator -%}
        {{ llm_analytics.sum_integer(
            'case when ' ~ condition ~ ' then ' ~ metric.denominator ~ ' end'
        ) }}
        {%- else -%}
        1
        {%- endif %} as {{ name }}_den{{ part }}
        {%- endfor %}
        {%- endfor %}
    from {{ source_name }}_rows
    group by experiment_id, unit_id
),

{% endfor -%}

unit_metrics as (
    {%- for name, metric in metrics.items() if not metric.percent %}
    {%- set source = sources[metric.source] %}
    {%- set totals = metric.source ~ '_totals' %}
    {%- set window = metric.window_days or 'exposures.window_days' %}
    select
        exposures.experiment_id,
        exposures.unit_id,
        '{{ name }}' as metric,
        exposures.variant,
        exposures.allocation_phase,
        exposures.platform,
        exposures.plan,
        exposures.country,
        {%- for part in ('', '_pre') %}
        {% if metric.is_any -%}
        case when {{ totals }}.{{ name }}_num{{ part }} > 0 then 1 else 0 end
        {%- else -%}
        coalesce({{ totals }}.{{ name }}_num{{ part }}, 0)
        {%- endif %} as num{{ part }},
        {% if metric.denominator -%}
        coalesce({{ totals }}.{{ name }}_den{{ part }}, 0)
        {%- else -%}
        1
        {%- endif %} as den{{ part }},
        {%- endfor %}
        {{ window }} as window_days,
        coalesce(
            {{ llm_analytics.add_seconds('exposures.first_exposed_at', window ~ ' * 86400') }}
            <= {{ llm_analytics.as_of(metric.streams or source.streams) }},
            false
        ) as is_mature
    from exposures
    left join {{ totals }}
        on
            exposures.experiment_id = {{ totals }}.experiment_id
            and exposures.unit_id = {{ totals }}.unit_id
    where
        exposures.unit in ({{ "'" ~ source['keys'] | join("', '") ~ "'" }})
        {%- if metric.is_eligible %}
        and ({{ metric.is_eligible }})
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        -- ids
        experiment_id,
        unit_id,

        -- strings
        metric,
        variant,
        allocation_phase,
        platform,
        plan,
        country,

        -- numerics
        cast(num as {{ dbt.type_bigint() }}) as num,
        cast(den as {{ dbt.type_bigint() }}) as den,
        cast(num_pre as {{ dbt.type_bigint() }}) as num_pre,
        cast(den_pre as {{ dbt.type_bigint() }}) as den_pre,
        cast(window_days as {{ dbt.type_bigint() }}) as window_days,

        -- booleans
        is_mature
    from unit_metrics
)

select * from final
