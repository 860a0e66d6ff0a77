-- One row per landed user property of Amplitude.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'amplitude_user_traits'), llm_analytics.event_columns({
        'amplitude_user_id': dbt.type_string(),
        'device_id': dbt.type_string(),
        'trait': dbt.type_string(),
        'value': dbt.type_string(),
    })) }}
),

final as (
    select
        'amplitude' as source,
        'amplitude:' || event_id as event_id,
        event_version,
        occurred_at,
        sequence_number,
        amplitude_user_id as user_id,
        device_id as anonymous_id,
        account_id,
        app_id,
        environment,
        platform,
        app_version,
        trait,
        value,
        load_seq
    from landed
)

select * from final
