-- One row per landed link between two ids of one user of GA4.
{{ config(enabled=llm_analytics.is_source_enabled('ga4')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'ga4_identities'), llm_analytics.event_columns({
        'alias_id': dbt.type_string(),
    })) }}
),

final as (
    select
        'ga4' as source,
        'ga4:' || event_id as event_id,
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
