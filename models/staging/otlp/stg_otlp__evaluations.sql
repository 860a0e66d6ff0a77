-- One row per landed result of an evaluation: annotations on spans that are no feedback of users,
-- and events. One id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('otlp')) }}

{% set about = [
    'trace_id', 'gen_ai_response_id', 'user_id', 'enduser_id', 'session_id',
    'gen_ai_conversation_id', 'service_name', 'service_version', 'deployment_environment_name',
    'deployment_environment', 'scope_name',
] %}
{% set columns = [
    'event_id',
    'occurred_at',
    'coalesce(user_id, enduser_id) as user_id',
    'service_name as app_id',
    'coalesce(deployment_environment_name, deployment_environment) as environment',
    'service_version as app_version',
    'session_id as source_session_id',
    'gen_ai_conversation_id as conversation_id',
    'trace_id',
    'gen_ai_response_id as response_id',
    'load_seq',
] %}

with

annotations as (
    {{ llm_analytics.landed(source('raw', 'otlp_annotations'), llm_analytics.source_columns(
        about + [
            'annotation_name', 'annotation_label', 'annotation_annotator_kind',
            'annotation_identifier',
        ],
        numbers=['annotation_score']
    )) }}
),

logs as (
    {{ llm_analytics.landed(source('raw', 'otlp_logs'), llm_analytics.source_columns(
        about + ['gen_ai_evaluation_name', 'gen_ai_evaluation_score_label', 'error_type'],
        numbers=['gen_ai_evaluation_score_value']
    )) }}
),

results as (
    select
        {{ columns | join(',\n        ') }},
        annotation_name as criterion,
        annotation_score as result,
        annotation_label as label,
        annotation_identifier as evaluator_id,
        case upper(annotation_annotator_kind)
            when 'HUMAN' then 'human'
            when 'LLM' then 'judge'
            else 'code'
        end as evaluator_kind
    from annotations
    where not {{ llm_analytics.is_feedback_name('annotation_name') }}
    union all
    select
        {{ columns | join(',\n        ') }},
        gen_ai_evaluation_name as criterion,
        gen_ai_evaluation_score_value as result,
        gen_ai_evaluation_score_label as label,
        scope_name as evaluator_id,
        'judge' as evaluator_kind
    from logs
    -- An evaluation that failed says nothing of the answer.
    where error_type is null
),

final as (
    select
        'otlp' as source,
        'otlp:' || event_id as event_id,
        cast(null as {{ dbt.type_bigint() }}) as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        app_id,
        environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        app_version,
        source_session_id,
        conversation_id,
        trace_id,
        response_id,
        criterion,
        cast(null as {{ dbt.type_string() }}) as rubric,
        cast(null as {{ dbt.type_string() }}) as rubric_version,
        evaluator_id,
        evaluator_kind,
        {{ llm_analytics.scaled_score('criterion', 'result') }} as score,
        label,
        load_seq
    from results
)

select * from final
