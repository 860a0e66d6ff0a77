-- One row per landed evaluation of a call, or metric of a trace that no user gave, of PostHog.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

evaluations as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_ai_evaluations'),
        llm_analytics.posthog_columns({
            'ai_evaluation_id': dbt.type_string(),
            'ai_evaluation_name': dbt.type_string(),
            'ai_evaluation_result': dbt.type_boolean(),
            'ai_evaluation_numeric_result': 'decimal(18, 6)',
            'ai_evaluation_numeric_result_min': 'decimal(18, 6)',
            'ai_evaluation_numeric_result_max': 'decimal(18, 6)',
            'ai_evaluation_category': dbt.type_string(),
            'ai_evaluation_applicable': dbt.type_boolean(),
            'ai_evaluation_runtime': dbt.type_string(),
            'ai_evaluation_model': dbt.type_string(),
            'ai_model': dbt.type_string(),
            'ai_target_event_id': dbt.type_string(),
        })
    ) }}
),

metrics as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_ai_metrics'),
        llm_analytics.posthog_columns({
            'response_id': dbt.type_string(),
            'ai_metric_name': dbt.type_string(),
            'ai_metric_value': dbt.type_string(),
            'ai_metric_number': 'decimal(18, 6)',
        })
    ) }}
),

scaled as (
    select
        *,
        case
            when ai_evaluation_result then 1
            when ai_evaluation_result = false then 0
            else
                coalesce(
                    (ai_evaluation_numeric_result - ai_evaluation_numeric_result_min)
                    / nullif(
                        ai_evaluation_numeric_result_max - ai_evaluation_numeric_result_min, 0
                    ),
                    ai_evaluation_numeric_result
                )
        end as scaled_score
    from evaluations
),

judged as (
    select
        {{ llm_analytics.posthog_envelope() }},
        ai_target_event_id as response_id,
        ai_evaluation_name as criterion,
        ai_evaluation_id as rubric,
        cast(null as {{ dbt.type_string() }}) as rubric_version,
        coalesce(ai_model, ai_evaluation_model) as evaluator_id,
        case when ai_evaluation_runtime = 'hog' then 'code' else 'judge' end as evaluator_kind,
        cast(
            case when scaled_score between 0 and 1 then scaled_score end as decimal(18, 6)
        ) as score,
        case
            when ai_evaluation_applicable = false then 'not_applicable'
            when ai_evaluation_category is not null then ai_evaluation_category
            when ai_evaluation_result then 'pass'
            when ai_evaluation_result = false then 'fail'
        end as label,
        load_seq
    from scaled
),

measured as (
    select
        {{ llm_analytics.posthog_envelope() }},
        response_id,
        ai_metric_name as criterion,
        cast(null as {{ dbt.type_string() }}) as rubric,
        cast(null as {{ dbt.type_string() }}) as rubric_version,
        cast(null as {{ dbt.type_string() }}) as evaluator_id,
        'code' as evaluator_kind,
        cast(
            case when ai_metric_number between 0 and 1 then ai_metric_number end
            as decimal(18, 6)
        ) as score,
        case
            when coalesce(ai_metric_number between 0 and 1, false) then null
            else ai_metric_value
        end as label,
        load_seq
    from metrics
    where
        {{ llm_analytics.metric_feedback_type(
            'ai_metric_name', 'ai_metric_value', 'ai_metric_number'
        ) }} is null
),

final as (
    select * from judged
    union all
    select * from measured
)

select * from final
