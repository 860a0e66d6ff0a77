-- One row per experiment, quantile metric, variant and phase: the quantile by nearest rank, and the
-- values at the ranks that bound it. Rows of one unit resemble each other, so the ranks are spread
-- by the standard error of the share of rows below the quantile, clustered by unit.
{% set keys = [
    'experiment_id', 'metric', 'variant', 'allocation_phase', 'window_days', 'quantile_percent',
] %}
{% set double = llm_analytics.type_double() %}

with

quantile_values as (
    select * from {{ ref('experiment_quantile_values') }}
),

roles as (
    select * from {{ llm_analytics.seed('experiment_roles') }}
),

-- Few different values: what is ranked is their counts.
histogram as (
    select
        {{ keys | join(',\n        ') }},
        value,
        count(*) as n_rows
    from quantile_values
    group by {{ keys | join(', ') }}, value
),

cumulated as (
    select
        *,
        sum(n_rows) over (
            partition by {{ keys | join(', ') }}
            order by value
            rows between unbounded preceding and current row
        ) as n_not_above,
        sum(n_rows) over (partition by {{ keys | join(', ') }}) as n_total
    from histogram
),

quantiles as (
    select
        {{ keys | join(',\n        ') }},
        cast(max(n_total) as {{ dbt.type_bigint() }}) as n_rows,
        min(case when n_not_above * 100 >= n_total * quantile_percent then value end)
            as quantile_value,
        max(value) as max_value
    from cumulated
    group by {{ keys | join(', ') }}
),

unit_shares as (
    select
        {{ llm_analytics.columns_of('quantile_values', keys) }},
        quantile_values.unit_id,
        cast(
            {{ llm_analytics.count_if('quantile_values.value <= quantiles.quantile_value') }}
            as decimal(38, 0)
        ) as n_below,
        cast(count(*) as decimal(38, 0)) as n_rows
    from quantile_values
    inner join quantiles
        on {{ llm_analytics.equal_columns('quantile_values', 'quantiles', keys) }}
    group by {{ llm_analytics.columns_of('quantile_values', keys) }}, quantile_values.unit_id
),

unit_sums as (
    select
        {{ keys | join(',\n        ') }},
        count(*) as n_units,
        sum(n_below) as sum_num,
        sum(n_rows) as sum_den,
        sum(n_below * n_below) as sum_num_num,
        sum(n_below * n_rows) as sum_num_den,
        sum(n_rows * n_rows) as sum_den_den
    from unit_shares
    group by {{ keys | join(', ') }}
),

-- Half of the interval of that share at 95 %: 1.96 times the delta method's standard error.
spreads as (
    select
        *,
        case when n_units > 1 then
                1.959963984540054e0 * sqrt(
                    cast(
                        sum_den * sum_den * sum_num_num
                        - 2 * sum_num * sum_den * sum_num_den
                        + sum_num * sum_num * sum_den_den as {{ double }}
                    )
                    * cast(n_units as {{ double }}) / cast(n_units - 1 as {{ double }})
                ) / cast(sum_den * sum_den as {{ double }})
        end as half_width
    from unit_sums
),

bounds as (
    select
        {{ keys | join(',\n        ') }},
        n_units,
        sum_num,
        sum_den,
        sum_num_num,
        sum_num_den,
        sum_den_den,
        cast(floor(
            cast(sum_den as {{ double }}) * (quantile_percent / 100e0 - half_width)
        ) as {{ dbt.type_bigint() }}) as low_rank,
        cast(ceil(
            cast(sum_den as {{ double }}) * (quantile_percent / 100e0 + half_width)
        ) as {{ dbt.type_bigint() }}) as high_rank
    from spreads
),

values_at_bounds as (
    select
        {{ llm_analytics.columns_of('cumulated', keys) }},
        min(case when cumulated.n_not_above >= bounds.low_rank then cumulated.value end)
            as low_value,
        min(case when cumulated.n_not_above >= bounds.high_rank then cumulated.value end)
            as high_value
    from cumulated
    inner join bounds
        on {{ llm_analytics.equal_columns('cumulated', 'bounds', keys) }}
    group by {{ llm_analytics.columns_of('cumulated', keys) }}
),

final as (
    select
        -- ids
        bounds.experiment_id,

        -- strings
        bounds.metric,
        bounds.variant,
        bounds.allocation_phase,
        coalesce(roles.metric_role, 'secondary') as metric_role,
        roles.margin_kind,
        {{ llm_analytics.metric_property('bounds.metric', 'unit', dbt.type_string()) }} as unit,

        -- numerics
        bounds.window_days,
        bounds.quantile_percent,
        bounds.n_units,
        quantiles.n_rows,
        {{ llm_analytics.metric_property('bounds.metric', 'scale', 'bigint', 1) }} as num_scale,
        roles.margin,
        quantiles.quantile_value,
        case when bounds.low_rank >= 1 then values_at_bounds.low_value end as low_value,
        case when bounds.high_rank <= quantiles.n_rows then values_at_bounds.high_value end
            as high_value,
        quantiles.max_value,
        {%- for sum in ['sum_num', 'sum_den', 'sum_num_num', 'sum_num_den', 'sum_den_den'] %}
        cast(bounds.{{ sum }} as decimal(38, 0)) as {{ sum }},
        {%- endfor %}

        -- booleans
        coalesce(
            roles.is_higher_better,
            {{ llm_analytics.metric_property('bounds.metric', 'is_higher_better', 'boolean') }}
        ) as is_higher_better
    from bounds
    inner join quantiles
        on {{ llm_analytics.equal_columns('bounds', 'quantiles', keys) }}
    inner join values_at_bounds
        on {{ llm_analytics.equal_columns('bounds', 'values_at_bounds', keys) }}
    left join roles
        on
            bounds.experiment_id = roles.experiment_id
            and bounds.metric = roles.metric
)

select * from final
