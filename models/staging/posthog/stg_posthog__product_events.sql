-- One row per landed event of PostHog that is none of the other streams', and per answer to a
-- survey that is no feedback of a known kind.
{{ config(enabled=llm_analytics.is_source_enabled('posthog')) }}

with

tracked_events as (
    {{ llm_analytics.landed(
        source('raw', 'posthog_product_events'),
        llm_analytics.posthog_columns(llm_analytics.tracked_types('product_events'))
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

tracked as (
    select
        {{ llm_analytics.posthog_envelope() }},
        name,
        coalesce(
            is_user_action, {{ llm_analytics.is_captured_action('posthog', 'name') }}
        ) as is_user_action,
        goal,
        feature,
        amount,
        currency,
        load_seq
    from tracked_events
),

answered as (
    select
        {{ llm_analytics.posthog_envelope() }},
        'survey sent' as name,
        true as is_user_action,
        cast(null as {{ dbt.type_string() }}) as goal,
        cast(null as {{ dbt.type_string() }}) as feature,
        cast(null as decimal(24, 12)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency,
        load_seq
    from survey_answers
    where
        {{ llm_analytics.survey_feedback_type(
            'survey_id', 'survey_name', 'ai_trace_id', 'survey_answer', 'text_length'
        ) }} is null
),

final as (
    select * from tracked
    union all
    select * from answered
)

select * from final
