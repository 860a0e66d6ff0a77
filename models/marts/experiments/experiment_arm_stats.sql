-- One row per experiment, metric, variant, segment, phase and window: exact sums over its units.
-- Sums of integers add up in any order and are centred by whoever reads them, without rounding.
{% set metrics = llm_analytics.experiment_metrics() %}
{% set quantities = ['num', 'den', 'num_pre', 'den_pre'] %}
{% set keys = ['experiment_id', 'metric', 'variant', 'allocation_phase', 'window_days'] %}
{% set sums = llm_analytics.sums_and_products(quantities) %}
{% set counts = ['n_units', 'n_immature', 'n_without_den'] %}

with

units as (
    select * from {{ ref('experiment_unit_metrics') }}
),

roles as (
    select * from {{ llm_analytics.seed('experiment_roles') }}
),

exact_units as (
    select
        {{ keys | join(',\n        ') }},
        platform,
        plan,
        country,
        den,
        {%- for quantity in quantities %}
        case when is_mature then cast({{ quantity }} as decimal(38, 0)) end
            as exact_{{ quantity }},
        {%- endfor %}
        is_mature
    from units
),

-- At the finest grain once; what is coarser adds up from it.
cells as (
    select
        {{ keys | join(',\n        ') }},
        platform,
        plan,
        country,
        {{ llm_analytics.count_if('is_mature') }} as n_units,
        {{ llm_analytics.count_if('not is_mature') }} as n_immature,
        {{ llm_analytics.count_if('is_mature and den = 0') }} as n_without_den,
        {%- for sum, expression in sums %}
        sum({{ expression }}) as {{ sum }},
        {%- endfor %}
        min(exact_num) as min_num,
        max(exact_num) as max_num
    from exact_units
    group by
        {{ keys | join(',\n        ') }},
        platform,
        plan,
        country
),

segmented as (
    {%- for segment_name in ['__all__', 'platform', 'plan', 'country'] %}
    select
        {{ keys | join(',\n        ') }},
        '{{ segment_name }}' as segment_name,
        {{ "'__all__'" if segment_name == '__all__' else segment_name }} as segment,
        {%- for count in counts %}
        sum({{ count }}) as {{ count }},
        {%- endfor %}
        {%- for sum, expression in sums %}
        sum({{ sum }}) as {{ sum }},
        {%- endfor %}
        min(min_num) as min_num,
        max(max_num) as max_num
    from cells
    group by
        {{ keys | join(',\n        ') }}
        {{- ',\n        ' ~ segment_name if segment_name != '__all__' }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- What the hundredth part of the units with the most have together: those above the 99th
-- percentile, and as many at it as are missing.
percentiles as (
    select
        {{ keys | join(',\n        ') }},
        {{ llm_analytics.quantile('exact_num', 0.99) }} as num_99,
        greatest({{ llm_analytics.whole_quotient('count(*)', 100) }}, 1) as n_top
    from exact_units
    where is_mature
    group by {{ keys | join(', ') }}
),

tops as (
    select
        {{ llm_analytics.columns_of('percentiles', keys) }},
        sum(case
            when exact_units.exact_num > percentiles.num_99 then exact_units.exact_num else 0
        end)
        + max(percentiles.num_99) * (
            max(percentiles.n_top)
            - {{ llm_analytics.count_if('exact_units.exact_num > percentiles.num_99') }}
        ) as top_num
    from exact_units
    inner join percentiles
        on {{ llm_analytics.equal_columns('exact_units', 'percentiles', keys) }}
    where exact_units.is_mature
    group by {{ llm_analytics.columns_of('percentiles', keys) }}
),

final as (
    select
        -- ids
        segmented.experiment_id,

        -- strings
        segmented.metric,
        segmented.variant,
        segmented.segment_name,
        segmented.segment,
        segmented.allocation_phase,
        coalesce(roles.metric_role, 'secondary') as metric_role,
        roles.margin_kind,
        {{ llm_analytics.metric_property('segmented.metric', 'unit', dbt.type_string()) }} as unit,

        -- numerics
        segmented.window_days,
        {%- for count in counts %}
        cast(segmented.{{ count }} as {{ dbt.type_bigint() }}) as {{ count }},
        {%- endfor %}
        {{ llm_analytics.metric_property('segmented.metric', 'scale', 'bigint', 1) }} as num_scale,
        roles.margin,
        {%- for sum, expression in sums %}
        cast(coalesce(segmented.{{ sum }}, 0) as decimal(38, 0)) as {{ sum }},
        {%- endfor %}
        cast(segmented.min_num as decimal(38, 0)) as min_num,
        cast(segmented.max_num as decimal(38, 0)) as max_num,
        cast(
            case when segmented.segment_name = '__all__' then tops.top_num end as decimal(38, 0)
        ) as top_num,

        -- booleans
        coalesce(
            roles.is_higher_better,
            {{ llm_analytics.metric_property('segmented.metric', 'is_higher_better', 'boolean') }}
        ) as is_higher_better
    from segmented
    left join roles
        on
            segmented.experiment_id = roles.experiment_id
            and segmented.metric = roles.metric
    left join tops
        on {{ llm_analytics.equal_columns('segmented', 'tops', keys) }}
)

select * from final
