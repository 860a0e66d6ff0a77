-- One row per feedback event, with the answer that it is about and whether it still stands.
with

feedback_matches as (
    select * from {{ ref('int_feedback_matches') }}
),

interactions as (
    select * from {{ ref('int_interactions') }}
),

session_events as (
    select * from {{ ref('int_session_events') }}
),

excluded_users as (
    select * from {{ ref('int_excluded_users') }}
),

feedback as (
    select
        feedback_matches.event_id,
        feedback_matches.resolved_user_id,
        feedback_matches.conversation_id,
        feedback_matches.scope_id,
        feedback_matches.interaction_id,
        feedback_matches.response_event_id as named_response_event_id,
        feedback_matches.match_rule,
        feedback_matches.source,
        feedback_matches.app_id,
        feedback_matches.environment,
        feedback_matches.platform,
        feedback_matches.app_version,
        feedback_matches.feedback_type,
        feedback_matches.feedback_score,
        feedback_matches.survey_id,
        feedback_matches.text_length,
        feedback_matches.occurred_at,
        feedback_matches.sequence_number
    from feedback_matches
    left join excluded_users
        on feedback_matches.resolved_user_id = excluded_users.user_id
    where
        feedback_matches.is_current
        and excluded_users.user_id is null
),

-- Feedback that names only its query is about the answer to it.
placed as (
    select
        feedback.*,
        coalesce(feedback.named_response_event_id, interactions.answer_event_id)
            as response_event_id,
        coalesce(feedback.conversation_id, interactions.conversation_id) as about_conversation_id,
        session_events.session_id
    from feedback
    left join interactions
        on feedback.interaction_id = interactions.interaction_id
    left join session_events
        on
            feedback.event_id = session_events.event_id
            and session_events.stream = 'feedback'
),

-- What a later opinion of the same user on the same thing replaces.
topics as (
    select
        placed.*,
        {{ llm_analytics.feedback_topic('placed') }} as topic
    from placed
),

ranked as (
    select
        topics.*,
        row_number() over (
            partition by topics.topic, coalesce(topics.resolved_user_id, topics.event_id)
            order by
                topics.occurred_at desc,
                coalesce(topics.sequence_number, 0) desc,
                {{ llm_analytics.text_order('topics.event_id') }} desc
        ) as recency
    from topics
),

final as (
    select
        -- ids
        event_id as feedback_id,
        resolved_user_id as user_id,
        session_id,
        about_conversation_id as conversation_id,
        interaction_id,
        response_event_id,
        survey_id,

        -- strings
        match_rule,
        source,
        app_id,
        environment,
        platform,
        app_version,
        feedback_type,

        -- numerics
        feedback_score,
        text_length,

        -- booleans
        recency = 1 and feedback_type <> 'retracted' as is_standing,

        -- timestamps and dates
        occurred_at,
        {{ llm_analytics.reporting_date('occurred_at') }} as feedback_date
    from ranked
)

select * from final
