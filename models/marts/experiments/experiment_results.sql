-- One row per reading of a metric of an experiment, as the command significance saved it.
with

results as (
    select * from {{ ref('int_experiment_results') }}
),

-- Events that come late change a reading without reaching further; they add units.
ranked as (
    select
        *,
        row_number() over (
            partition by experiment_id, metric, variant, segment_name, segment, method
            order by
                occurred_at desc,
                coalesce(n_control, 0) + coalesce(n_treatment, 0) desc,
                {{ llm_analytics.text_order('event_id') }} desc
        ) as place
    from results
),

final as (
    select
        -- ids
        event_id as result_id,
        experiment_id,

        -- strings
        metric,
        variant,
        control_variant,
        segment_name,
        segment,
        metric_role,
        method,
        test,
        unit,
        decision,
        verdict,
        margin_kind,

        -- numerics
        n_control,
        n_treatment,
        control_value,
        treatment_value,
        difference,
        difference_low,
        difference_high,
        lift,
        lift_low,
        lift_high,
        alpha,
        p_value,
        p_adjusted,
        margin,
        power,
        detectable_lift,
        variance_reduction,
        p_better,
        sample_ratio_p,

        -- booleans
        is_higher_better,
        is_significant,
        is_non_inferior,
        place = 1 as is_newest,

        -- timestamps
        occurred_at as read_until
    from ranked
)

select * from final
