-- One row per landed person property of PostHog.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

landed as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_user_traits'),
        llm_analytics.posthog_columns({
            'trait': dbt.type_string(),
            'value': dbt.type_string(),
        })
    ) }}
),

named as (
    select
        {{ llm_analytics.posthog_envelope() }},
        trait,
        value,
        load_seq
    from landed
),

final as (
    select
        source,
        event_id,
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
        trait,
        value,
        load_seq
    from named
)

select * from final
