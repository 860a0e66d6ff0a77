-- One row per experiment, variant, phase and segment (a day of exposure is one): units in the
-- variant, beside the weight that was planned for it.
with

exposures as (
    select * from {{ ref('experiment_exposures') }}
),

variants as (
    select * from {{ llm_analytics.seed('experiment_variants') }}
),

segmented as (
    {%- for segment_name in ['__all__', 'platform', 'plan', 'country', 'date'] %}
    select
        experiment_id,
        variant,
        allocation_phase,
        '{{ segment_name }}' as segment_name,
        {% if segment_name == '__all__' -%}
        '__all__'
        {%- elif segment_name == 'date' -%}
        cast({{ llm_analytics.reporting_date('first_exposed_at') }} as {{ dbt.type_string() }})
        {%- else -%}
        {{ segment_name }}
        {%- endif %} as segment,
        is_excluded,
        is_crossover
    from exposures
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

observed as (
    select
        experiment_id,
        variant,
        allocation_phase,
        segment_name,
        segment,
        {{ llm_analytics.count_if('not is_excluded') }} as n_units,
        {{ llm_analytics.count_if('is_excluded') }} as n_excluded,
        {{ llm_analytics.count_if('is_crossover') }} as n_crossovers
    from segmented
    group by experiment_id, variant, allocation_phase, segment_name, segment
),

segments as (
    select distinct
        experiment_id,
        allocation_phase,
        segment_name,
        segment
    from observed
),

-- A declared arm that nobody entered is a row of zero, and not left out.
expected as (
    select
        segments.experiment_id,
        variants.variant,
        segments.allocation_phase,
        segments.segment_name,
        segments.segment,
        variants.weight
    from segments
    inner join variants
        on
            segments.experiment_id = variants.experiment_id
            and segments.allocation_phase = coalesce(
                variants.allocation_phase, segments.allocation_phase
            )
),

declared as (
    select distinct experiment_id from variants
),

keys as (
    select
        experiment_id,
        variant,
        allocation_phase,
        segment_name,
        segment
    from observed
    union
    select
        experiment_id,
        variant,
        allocation_phase,
        segment_name,
        segment
    from expected
),

final as (
    select
        -- ids
        keys.experiment_id,

        -- strings
        keys.variant,
        keys.allocation_phase,
        keys.segment_name,
        keys.segment,

        -- numerics
        coalesce(observed.n_units, 0) as n_units,
        coalesce(observed.n_excluded, 0) as n_excluded,
        coalesce(observed.n_crossovers, 0) as n_crossovers,
        -- Without a plan all arms are taken for equal; beside a plan an unknown arm expects none.
        cast(coalesce(
            expected.weight, case when declared.experiment_id is null then 1 else 0 end
        ) as decimal(18, 6)) as planned_weight
    from keys
    left join observed
        on
            keys.experiment_id = observed.experiment_id
            and keys.variant = observed.variant
            and keys.allocation_phase = observed.allocation_phase
            and keys.segment_name = observed.segment_name
            and keys.segment = observed.segment
    left join expected
        on
            keys.experiment_id = expected.experiment_id
            and keys.variant = expected.variant
            and keys.allocation_phase = expected.allocation_phase
            and keys.segment_name = expected.segment_name
            and keys.segment = expected.segment
    left join declared
        on keys.experiment_id = declared.experiment_id
)

select * from final
