-- One row per query that no event was sent for: a top-level call of a request log stands for it.
-- Taken from the calls as they stand, so that a query never tells another story than its call.
{{ config(materialized='view') }}

with

responses as (
    select * from {{ ref('int_responses') }}
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
        changed_seq
    from responses
    where
        implies_query
        and query_id = event_id
)

select * from final
