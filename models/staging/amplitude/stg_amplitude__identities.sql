-- One row per landed link between two ids of one user of Amplitude.
{{ config(enabled=llm_analytics.is_source_enabled('amplitude')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'amplitude_identities'), llm_analytics.event_columns({
        'alias_id': dbt.type_string(),
    })) }}
),

final as (
    select
        'amplitude' as source,
        'amplitude:' || event_id as event_id,
        event_version,
        occurred_at,
        sequence_number,
        user_id,
        anonymous_id,
        account_id,
        app_id,
        environment,
        platform,
        app_version,
        alias_id,
        load_seq
    from landed
)

select * from final
