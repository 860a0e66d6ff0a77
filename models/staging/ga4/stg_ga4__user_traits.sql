-- One row per landed user property of GA4.
{{ config(enabled=llm_analytics.is_source_enabled('ga4')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'ga4_user_traits'), llm_analytics.event_columns({
        'ga_user_id': dbt.type_string(),
        'user_pseudo_id': dbt.type_string(),
        'trait': dbt.type_string(),
        'value': dbt.type_string(),
    })) }}
),

final as (
    select
        'ga4' as source,
        'ga4:' || event_id as event_id,
        event_version,
        occurred_at,
        sequence_number,
        ga_user_id as user_id,
        user_pseudo_id as anonymous_id,
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
