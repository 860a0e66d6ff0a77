-- One row per experiment that is declared or was seen: how it is to be read, and how far it is.
with

experiments as (
    select * from {{ llm_analytics.seed('experiments') }}
),

exposures as (
    select * from {{ ref('experiment_exposures') }}
),

variants as (
    select * from {{ llm_analytics.seed('experiment_variants') }}
),

as_of as (
    select * from {{ ref('int_as_of') }}
),

seen as (
    select
        experiment_id,
        count(*) as n_units,
        {{ llm_analytics.count_if('is_crossover') }} as n_crossovers,
        {{ llm_analytics.count_if('is_excluded') }} as n_excluded,
        min(first_exposed_at) as first_exposed_at,
        max(first_exposed_at) as last_exposed_at
    from exposures
    group by experiment_id
),

arms as (
    select
        experiment_id,
        variant
    from exposures
    union
    select
        experiment_id,
        variant
    from variants
),

-- Where none is declared, control is the arm of that name, else the first in the order of bytes.
controls as (
    select
        experiment_id,
        count(*) as n_variants,
        coalesce(
            max(case when variant = 'control' then variant end),
            min({{ llm_analytics.text_order('variant') }})
        ) as control_variant
    from arms
    group by experiment_id
),

named as (
    select experiment_id from experiments
    union
    select experiment_id from seen
),

final as (
    select
        -- ids
        named.experiment_id,

        -- strings
        coalesce(experiments.unit, 'user') as unit,
        coalesce(experiments.control_variant, controls.control_variant) as control_variant,
        experiments.goal,
        experiments.planned_looks,
        experiments.description,

        -- numerics
        cast(coalesce(
            experiments.window_days, {{ llm_analytics.setting('experiment_window_days') }}
        ) as {{ dbt.type_bigint() }}) as window_days,
        cast(coalesce(experiments.alpha, 0.05) as decimal(18, 6)) as alpha,
        cast(experiments.planned_units as {{ dbt.type_bigint() }}) as planned_units,
        experiments.minimum_effect,
        coalesce(controls.n_variants, 0) as n_variants,
        coalesce(seen.n_units, 0) as n_units,
        coalesce(seen.n_crossovers, 0) as n_crossovers,
        coalesce(seen.n_excluded, 0) as n_excluded,

        -- booleans
        experiments.experiment_id is not null as is_declared,
        coalesce(
            experiments.ends_at <= {{ llm_analytics.as_of(['exposures']) }}, false
        ) as is_over,

        -- timestamps
        experiments.starts_at,
        experiments.ends_at,
        seen.first_exposed_at,
        seen.last_exposed_at,
        (select max(as_of.as_of) from as_of) as read_until
    from named
    left join experiments
        on named.experiment_id = experiments.experiment_id
    left join seen
        on named.experiment_id = seen.experiment_id
    left join controls
        on named.experiment_id = controls.experiment_id
)

select * from final
