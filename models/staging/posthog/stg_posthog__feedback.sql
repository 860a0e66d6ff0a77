-- One row per landed comment, metric or answer to a survey of PostHog that is a user's feedback,
-- or response_feedback event.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

comments as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_ai_feedback'),
        llm_analytics.posthog_columns({
            'response_id': dbt.type_string(),
            'text_length': dbt.type_bigint(),
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

survey_answers as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_survey_answers'),
        llm_analytics.posthog_columns({
            'response_id': dbt.type_string(),
            'survey_id': dbt.type_string(),
            'survey_name': dbt.type_string(),
            'survey_iteration': dbt.type_bigint(),
            'survey_answer': 'decimal(18, 6)',
            'text_length': dbt.type_bigint(),
        })
    ) }}
),

tracked_events as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_feedback'),
        llm_analytics.posthog_columns(llm_analytics.tracked_types('feedback'))
    ) }}
),

commented as (
    select
        {{ llm_analytics.posthog_envelope() }},
        response_id,
        cast(null as {{ dbt.type_string() }}) as query_id,
        'comment' as feedback_type,
        cast(null as decimal(18, 6)) as feedback_score,
        cast(null as {{ dbt.type_string() }}) as survey_id,
        text_length,
        load_seq
    from comments
),

measured as (
    select
        {{ llm_analytics.posthog_envelope() }},
        response_id,
        cast(null as {{ dbt.type_string() }}) as query_id,
        {{ llm_analytics.metric_feedback_type(
            'ai_metric_name', 'ai_metric_value', 'ai_metric_number'
        ) }} as feedback_type,
        ai_metric_number as feedback_score,
        cast(null as {{ dbt.type_string() }}) as survey_id,
        cast(null as {{ dbt.type_bigint() }}) as text_length,
        load_seq
    from metrics
),

surveyed as (
    select
        {{ llm_analytics.posthog_envelope() }},
        response_id,
        cast(null as {{ dbt.type_string() }}) as query_id,
        {{ llm_analytics.survey_feedback_type(
            'survey_id', 'survey_name', 'ai_trace_id', 'survey_answer', 'text_length'
        ) }} as feedback_type,
        survey_answer as feedback_score,
        -- Each round of a repeated survey is a wave of its own.
        survey_id
        || coalesce(':' || cast(survey_iteration as {{ dbt.type_string() }}), '') as survey_id,
        text_length,
        load_seq
    from survey_answers
),

tracked as (
    select
        {{ llm_analytics.posthog_envelope() }},
        {{ llm_analytics.tracked_columns('feedback', 'posthog') }},
        load_seq
    from tracked_events
),

final as (
    select * from commented
    union all
    select * from measured
    where feedback_type is not null
    union all
    select * from surveyed
    where feedback_type is not null
    union all
    select * from tracked
)

select * from final
