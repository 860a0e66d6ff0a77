-- One row per landed score that is no feedback of a user; one id may have several contents.
{{ config(enabled=llm_analytics.is_source_enabled('langfuse')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'langfuse_scores'), llm_analytics.source_columns(
        [
            'environment', 'trace_id', 'observation_id', 'session_id', 'name', 'string_value',
            'source', 'data_type', 'config_id', 'author_user_id',
        ],
        [],
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
        name as criterion,
        config_id as rubric,
        cast(null as {{ dbt.type_string() }}) as rubric_version,
        author_user_id as evaluator_id,
        case source
            when 'EVAL' then 'judge'
            when 'ANNOTATION' then 'human'
            else 'code'
        end as evaluator_kind,
        -- The value of a category is its number in a list, not how good it is.
        case
            when coalesce(data_type, '') <> 'CATEGORICAL'
                then {{ llm_analytics.scaled_score('name', 'value') }}
        end as score,
        string_value as label,
        load_seq
    from landed
    where not {{ llm_analytics.is_feedback_name('name') }}
)

select * from final
