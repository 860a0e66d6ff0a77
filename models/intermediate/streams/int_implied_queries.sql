-- One row per query that no event was sent for: its calls stand for it, the first of them for what
-- is known of it. Taken from the calls as they stand, so that a query never tells another story
-- than its calls. A query that calls implied once and imply no more is listed as withdrawn, so that
-- readers let go of it.
{{ config(materialized='view', meta={'on_spark': 'table'}) }}

{% set call_decisions = llm_analytics.consent_decisions('responses') %}

with

-- Calls are named twice rather than by a CTE: DuckDB would write all of them down for both, and
-- forgets of a view that it should not.
implying as (
    select
        event_id,
        query_id
    from {{ ref('int_responses') }}
    where
        implies_query
        and query_id is not null
        and call_role <> 'auxiliary'
        and duplicate_of is null
        and is_withdrawn is not true
),

-- What was implied by a content that stands no more, or by a call that is a second record now or is
-- withheld.
once_implying as (
    select
        event_id,
        query_id
    from {{ ref('int_responses__unioned') }}
    where
        implies_query
        and query_id is not null
        and load_seq <= {{ llm_analytics.loads_read_to() }}
        {%- if not llm_analytics.has_other_calls() and call_decisions is none %}
        and event_id in {{ llm_analytics.repeated_ids('responses') }}
        {%- endif %}
),

either as (
    select
        event_id,
        query_id,
        1 as place
    from implying
    union all
    select
        event_id,
        query_id,
        2 as place
    from once_implying
),

members as {{ llm_analytics.planned_once() }} (
    select
        event_id,
        query_id,
        min(place) as place
    from either
    group by event_id, query_id
),

-- What was sent needs no call to imply it, least of all where it is withheld.
sent as (
    select event_id
    from {{ ref('int_queries__unioned') }}
    where
        load_seq <= {{ llm_analytics.loads_read_to() }}
        and event_id in (select members.query_id from members)
),

unsent as (
    select
        event_id,
        query_id,
        place
    from members
    where query_id not in (select sent.event_id from sent)
),

calls as (
    select
        responses.*,
        unsent.query_id as implied_query_id,
        unsent.place = 2 as is_implied_no_more,
        {{ llm_analytics.call_started_at('responses') }} as asked_at,
        max(responses.load_seq) over (partition by unsent.query_id) as newest_load_seq,
        row_number() over (
            partition by unsent.query_id
            order by unsent.place, {{ llm_analytics.event_order(
                'responses.occurred_at', 'responses.sequence_number', event_id='responses.event_id'
            ) }}
        ) as call_number
    from unsent
    inner join {{ ref('int_responses') }} as responses
        on unsent.event_id = responses.event_id
),

final as (
    select
        source,
        implied_query_id as event_id,
        event_version,
        asked_at as occurred_at,
        sequence_number,
        user_id,
        anonymous_id,
        account_id,
        app_id,
        environment,
        platform,
        app_version,
        source_session_id,
        conversation_id,
        trace_id,
        conversation_turn,
        query_length,
        'new' as query_kind,
        false as is_clarification,
        true as is_implied,
        feature,
        case when query_text_word_count is not null then query_length end as text_length,
        query_text_word_count as text_word_count,
        query_text_signature_1 as text_signature_1,
        query_text_signature_2 as text_signature_2,
        has_conflict,
        is_implied_no_more as is_withdrawn,
        newest_load_seq as load_seq
    from calls
    where call_number = 1
)

select * from final
