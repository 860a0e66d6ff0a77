-- One row per query that no event was sent for: a top-level call of a request log stands for it.
-- Taken from the calls as they stand, so that a query never tells another story than its call. A
-- call that was sent with several contents may have implied a query that it implies no more: that
-- one is listed as withdrawn, so that readers let go of it.
{{ config(materialized='view') }}

with

responses as (
    select * from {{ ref('int_responses') }}
),

-- Calls that implied a query in one of their contents at least.
once_implying as (
    select event_id
    from {{ ref('int_responses__unioned') }}
    where
        implies_query
        and query_id = event_id
        and event_id in {{ llm_analytics.repeated_ids('responses') }}
),

calls as (
    select
        *,
        false as is_withdrawn
    from responses
    where
        implies_query
        and query_id = event_id
    union all
    select
        *,
        true as is_withdrawn
    from responses
    where
        has_conflict
        and not coalesce(implies_query and query_id = event_id, false)
        and event_id in (select once_implying.event_id from once_implying)
),

final as (
    select
        source,
        event_id,
        event_version,
        case
            when latency_ms > 0
                then {{ dbt.dateadd('millisecond', '-latency_ms', 'occurred_at') }}
            else occurred_at
        end as occurred_at,
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
        cast(null as {{ dbt.type_bigint() }}) as query_length,
        'new' as query_kind,
        false as is_clarification,
        true as is_implied,
        feature,
        cast(null as {{ dbt.type_bigint() }}) as text_length,
        cast(null as {{ dbt.type_bigint() }}) as text_word_count,
        cast(null as {{ dbt.type_bigint() }}) as text_signature_1,
        cast(null as {{ dbt.type_bigint() }}) as text_signature_2,
        has_conflict,
        is_withdrawn,
        load_seq
    from calls
)

select * from final
