-- One row per landed user property of Mixpanel.
{{ config(enabled=llm_analytics.is_source_enabled('mixpanel')) }}

with

landed as (
    {{ llm_analytics.landed(source('raw', 'mixpanel_user_traits'), llm_analytics.event_columns({
        'distinct_id': dbt.type_string(),
        'trait': dbt.type_string(),
        'value': dbt.type_string(),
    })) }}
),

final as (
    select
        'mixpanel' as source,
        'mixpanel:' || event_id as event_id,
        event_version,
        occurred_at,
        sequence_number,
        distinct_id as user_id,
        anonymous_id,
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
