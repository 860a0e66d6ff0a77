-- One row per landed score that is feedback of a user; one id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('langfuse')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'langfuse_scores'), llm_analytics.source_columns(
        [
            'environment', 'trace_id', 'observation_id', 'session_id', 'name', 'string_value',
            'data_type',
        ],
        ['text_length'],
        {'updated_at': dbt.type_timestamp()},
        ['value']
    )) }}
),

final as (
    select
        'langfuse' as source,
        'langfuse:' || event_id as event_id,
        {{ llm_analytics.epoch_microseconds('updated_at') }} as event_version,
        occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as sequence_number,
        cast(null as {{ dbt.type_string() }}) as user_id,
        cast(null as {{ dbt.type_string() }}) as anonymous_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as app_id,
        environment,
        cast(null as {{ dbt.type_string() }}) as platform,
        cast(null as {{ dbt.type_string() }}) as app_version,
        session_id as source_session_id,
        cast(null as {{ dbt.type_string() }}) as conversation_id,
        trace_id,
        observation_id as response_id,
        -- A score of a whole trace is about what was asked with it.
        case when observation_id is null then 'langfuse:' || trace_id end as query_id,
        {{ llm_analytics.feedback_type_of_score('name', 'value', 'string_value') }}
            as feedback_type,
        case when {{ llm_analytics.is_rating_name('name') }} then value end as feedback_score,
        cast(null as {{ dbt.type_string() }}) as survey_id,
        text_length,
        load_seq
    from landed
    where {{ llm_analytics.is_feedback_name('name') }}
)

select * from final
