-- One row per feedback event: the call and the interaction it is about, and by which rule.
-- Feedback that comes to be about another interaction, or to be withheld, leaves a row with
-- is_current = false behind.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}
{{ llm_analytics.refuse_changed_definitions() }}
{% set consent_decisions = llm_analytics.consent_decisions('feedback') %}

{% set feedback_columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'response_id',
    'query_id',
    'feedback_type',
    'feedback_score',
    'survey_id',
    'text_length',
    'has_conflict',
] %}
{% set result_columns = feedback_columns + [
    'scope_id', 'sent_user_id', 'resolved_user_id', 'response_event_id', 'interaction_id',
    'match_rule',
] %}

with

feedback as (
    select * from {{ ref('int_feedback') }}
),

queries as (
    select * from {{ ref('int_queries') }}
    where is_withdrawn is not true
),

identities as (
    select * from {{ ref('int_identities') }}
),

{% set call_columns = [
    'event_id', 'response_id', 'interaction_id', 'occurred_at', 'sequence_number',
    'conversation_id', 'source_session_id', 'trace_id', 'call_role', 'is_success',
] %}
calls as {{ llm_analytics.not_materialized() }} (
    select
        {{ call_columns | join(',\n        ') }},
        event_id as known_as
    from {{ ref('int_response_matches') }}
    where is_current
    {%- if llm_analytics.has_other_calls() %}
    union all
    -- By the ids of a second record of a call, the call is meant.
    select
        {% for column in call_columns -%}
        {% if column in ['response_id', 'conversation_id', 'source_session_id', 'trace_id'] -%}
        second_records.{{ column }},
        {% else -%}
        kept_calls.{{ column }},
        {% endif -%}
        {% endfor -%}
        second_records.event_id as known_as
    from {{ ref('int_response_matches') }} as second_records
    inner join {{ ref('int_response_matches') }} as kept_calls
        on second_records.duplicate_of = kept_calls.event_id
    where
        second_records.duplicate_of is not null
        and kept_calls.is_current
    {%- endif %}
),

{% if is_incremental() %}
unseen_calls as {{ llm_analytics.planned_once() }} (
    select
        event_id,
        response_id,
        conversation_id,
        source_session_id,
        trace_id
    from {{ ref('int_response_matches') }}
    where {{ llm_analytics.is_unseen(ref('int_response_matches'), 'calls_seen_to') }}
),

unread_queries as {{ llm_analytics.planned_once() }} (
    select event_id
    from {{ ref('int_queries') }}
    where {{ llm_analytics.is_unread('load_seq') }}
),

-- Feedback whose call, query or user may be another now.
touched as {{ llm_analytics.planned_once() }} (
    select event_id
    from {{ ref('int_feedback') }}
    where {{ llm_analytics.is_unread('load_seq') }}
    union
    select event_id
    from {{ this }}
    where
        is_current
        and (
            response_event_id in (select unseen_calls.event_id from unseen_calls)
            or response_id in (select unseen_calls.response_id from unseen_calls)
            or response_id in (select unseen_calls.event_id from unseen_calls)
            or query_id in (select unread_queries.event_id from unread_queries)
            or scope_id in (select unseen_calls.conversation_id from unseen_calls)
            or scope_id in (select unseen_calls.source_session_id from unseen_calls)
            or scope_id in (select unseen_calls.trace_id from unseen_calls)
        )
    union
    select kept.event_id
    from {{ this }} as kept
    left join identities
        on kept.sent_user_id = identities.alias_id
    where
        kept.is_current
        and kept.resolved_user_id <> coalesce(identities.user_id, kept.sent_user_id)
),
{% endif %}

-- Surveys are about the product, not about a response.
remarks as {{ llm_analytics.planned_once() }} (
    select
        feedback.*,
        coalesce(feedback.user_id, feedback.anonymous_id) as sent_user_id,
        coalesce(
            feedback.conversation_id, feedback.source_session_id, feedback.trace_id
        ) as scope_id,
        feedback.feedback_type in ('nps', 'csat') as is_survey
    from feedback
    {%- if is_incremental() %}
    where feedback.event_id in (select touched.event_id from touched)
    {%- endif %}
),

-- A response id that several calls carry (attempts) means the last of them.
named_calls as (
    select
        remarks.event_id,
        calls.event_id as response_event_id,
        calls.interaction_id,
        row_number() over (
            partition by remarks.event_id
            order by
                calls.occurred_at desc,
                coalesce(calls.sequence_number, 0) desc,
                {{ llm_analytics.text_order('calls.event_id') }} desc
        ) as recency
    from remarks
    inner join calls
        on remarks.response_id = coalesce(calls.response_id, calls.known_as)
),

named_queries as (
    select
        remarks.event_id,
        queries.event_id as interaction_id
    from remarks
    inner join queries
        on remarks.query_id = queries.event_id
    {%- if llm_analytics.has_other_calls() %}
    union all
    -- By another word for a query, the query is meant.
    select
        remarks.event_id,
        queries.event_id as interaction_id
    from remarks
    inner join {{ ref('int_duplicate_calls') }} as synonyms
        on
            remarks.query_id = synonyms.replaced_query_id
            and synonyms.query_id <> synonyms.replaced_query_id
    inner join queries
        on synonyms.query_id = queries.event_id
    {%- endif %}
),

-- The latest answer before the feedback where it was given. A call with a response id of its own
-- cannot be the one that feedback with another response id means.
scoped_calls as {{ llm_analytics.planned_once() }} (
    select
        known_as,
        event_id,
        response_id,
        interaction_id,
        occurred_at,
        sequence_number,
        conversation_id,
        source_session_id,
        trace_id
    from calls
    where
        call_role = 'answer'
        and is_success
        and (
            conversation_id in (select remarks.scope_id from remarks)
            or source_session_id in (select remarks.scope_id from remarks)
            or trace_id in (select remarks.scope_id from remarks)
        )
),

scopes as (
    select
        known_as,
        conversation_id as scope_id
    from scoped_calls
    where conversation_id in (select remarks.scope_id from remarks)
    union
    select
        known_as,
        source_session_id as scope_id
    from scoped_calls
    where source_session_id in (select remarks.scope_id from remarks)
    union
    select
        known_as,
        trace_id as scope_id
    from scoped_calls
    where trace_id in (select remarks.scope_id from remarks)
),

preceding_answers as (
    select
        remarks.event_id,
        scoped_calls.event_id as response_event_id,
        scoped_calls.interaction_id,
        row_number() over (
            partition by remarks.event_id
            order by
                scoped_calls.occurred_at desc,
                coalesce(scoped_calls.sequence_number, 0) desc,
                {{ llm_analytics.text_order('scoped_calls.event_id') }} desc
        ) as recency
    from remarks
    inner join scopes
        on remarks.scope_id = scopes.scope_id
    inner join scoped_calls
        on scopes.known_as = scoped_calls.known_as
    where
        scoped_calls.occurred_at <= remarks.occurred_at
        and not remarks.is_survey
        and remarks.query_id is null
        and (remarks.response_id is null or scoped_calls.response_id is null)
),

matched as (
    select
        remarks.event_id,
        case
            when named_calls.event_id is not null then named_calls.response_event_id
            when named_queries.event_id is null then preceding_answers.response_event_id
        end as response_event_id,
        case
            when named_calls.event_id is not null then named_calls.interaction_id
            when named_queries.event_id is not null then named_queries.interaction_id
            else preceding_answers.interaction_id
        end as interaction_id,
        case
            when named_calls.event_id is not null then 'response_id'
            when named_queries.event_id is not null then 'query_id'
            when preceding_answers.event_id is not null then 'order'
            when remarks.is_survey then 'survey'
            else 'orphan'
        end as match_rule
    from remarks
    left join named_calls
        on
            remarks.event_id = named_calls.event_id
            and named_calls.recency = 1
    left join named_queries
        on remarks.event_id = named_queries.event_id
    left join preceding_answers
        on
            remarks.event_id = preceding_answers.event_id
            and preceding_answers.recency = 1
),

identified as {{ llm_analytics.planned_once() if is_incremental() }} (
    select
        {% for column in feedback_columns -%}
        remarks.{{ column }},
        {% endfor -%}
        remarks.scope_id,
        remarks.sent_user_id,
        coalesce(identities.user_id, remarks.sent_user_id) as resolved_user_id,
        matched.response_event_id,
        matched.interaction_id,
        matched.match_rule
    from remarks
    inner join matched
        on remarks.event_id = matched.event_id
    left join identities
        on remarks.sent_user_id = identities.alias_id
),

final as (
    select
        {{ result_columns | join(',\n        ') }},
        true as is_current,
        {{ llm_analytics.loads_read_to() }} as loads_seen_to,
        {{ llm_analytics.newest_change(ref('int_response_matches')) }} as calls_seen_to,
        cast({{ llm_analytics.definitions_fingerprint() }} as {{ dbt.type_bigint() }})
            as definitions_fingerprint,
        {{ llm_analytics.next_change() }} as changed_seq
    from identified
    {% if is_incremental() %}
    union all
    select
        {% for column in result_columns -%}
        kept.{{ column }},
        {% endfor -%}
        false as is_current,
        kept.loads_seen_to,
        kept.calls_seen_to,
        kept.definitions_fingerprint,
        case
            when kept.is_current then {{ llm_analytics.next_change() }}
            else kept.changed_seq
        end as changed_seq
    from {{ this }} as kept
    inner join identified
        on kept.event_id = identified.event_id
    where
        kept.interaction_id is not null
        and kept.interaction_id <> coalesce(identified.interaction_id, '')
    {%- if consent_decisions is not none %}
    union all
    select
        {% for column in result_columns -%}
        kept.{{ column }},
        {% endfor -%}
        false as is_current,
        kept.loads_seen_to,
        kept.calls_seen_to,
        kept.definitions_fingerprint,
        case
            when kept.is_current then {{ llm_analytics.next_change() }}
            else kept.changed_seq
        end as changed_seq
    from {{ this }} as kept
    inner join {{ consent_decisions }} as decisions
        on
            kept.event_id = decisions.event_id
            and decisions.stream = 'feedback'
    where
        decisions.is_withheld
        and {{ llm_analytics.is_unread('decisions.load_seq') }}
    {%- endif %}
    {% endif %}
)

select * from final
