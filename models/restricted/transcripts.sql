-- One row per kept text of an interaction: what was asked, what was answered, what was said of it.
with

texts as (
    select * from {{ ref('stg_events__texts') }}
),

interactions as (
    select * from {{ ref('fct_interactions') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

-- Of several texts of an event the highest version; of equal versions always the same one.
ranked as (
    select
        stream,
        event_id,
        kept_text,
        row_number() over (
            partition by stream, event_id
            order by
                coalesce(event_version, 0) desc,
                {{ llm_analytics.text_order('kept_text') }}
        ) as place
    from texts
),

current_texts as (
    select
        stream,
        event_id,
        kept_text
    from ranked
    where place = 1
),

spoken as (
    select
        interaction_id as event_id,
        interaction_id,
        'queries' as stream,
        'user' as speaker,
        1 as position,
        asked_at as said_at
    from interactions
    union all
    select
        answer_id as event_id,
        interaction_id,
        'responses' as stream,
        'model' as speaker,
        2 as position,
        answered_at as said_at
    from interactions
    where answer_id is not null
    union all
    select
        feedback.feedback_id as event_id,
        interactions.interaction_id,
        'feedback' as stream,
        'feedback' as speaker,
        3 as position,
        feedback.occurred_at as said_at
    from feedback
    inner join interactions
        on feedback.interaction_id = interactions.interaction_id
),

final as (
    select
        spoken.interaction_id,
        spoken.event_id,
        interactions.conversation_id,
        interactions.session_id,
        spoken.speaker,
        current_texts.kept_text,
        cast(spoken.position as {{ dbt.type_bigint() }}) as position,
        spoken.said_at
    from spoken
    inner join current_texts
        on
            spoken.stream = current_texts.stream
            and spoken.event_id = current_texts.event_id
    inner join interactions
        on spoken.interaction_id = interactions.interaction_id
)

select * from final
