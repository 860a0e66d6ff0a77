-- One row per landed annotation that is feedback of a user; one id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('otlp')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'otlp_annotations'), llm_analytics.source_columns(
        [
            'trace_id', 'gen_ai_response_id', 'user_id', 'enduser_id', 'session_id',
            'gen_ai_conversation_id', 'service_name', 'service_version',
            'deployment_environment_name', 'deployment_environment', 'target', 'annotation_name',
            'annotation_label',
        ],
        ['text_length'],
        numbers=['annotation_score']
    )) }}
),

final as (
    select
        'otlp' as source,
        'otlp:' || event_id as event_id,
        cast(null as {{ dbt.type_bigint() }}) as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        coalesce(user_id, enduser_id) as user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        service_name as app_id,
        coalesce(deployment_environment_name, deployment_environment) as environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        service_version as app_version,
        session_id as source_session_id,
        gen_ai_conversation_id as conversation_id,
        trace_id,
        gen_ai_response_id as response_id,
        case when target = 'trace' then 'otlp:' || trace_id end as query_id,
        {{ llm_analytics.feedback_type_of_score(
            'annotation_name', 'annotation_score', 'annotation_label'
        ) }} as feedback_type,
        case
            when {{ llm_analytics.is_rating_name('annotation_name') }} then annotation_score
        end as feedback_score,
        cast(null as {{ dbt.type_string() }}) as survey_id,
        text_length,
        load_seq
    from landed
    where {{ llm_analytics.is_feedback_name('annotation_name') }}
)

select * from final
