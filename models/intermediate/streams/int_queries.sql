-- One row per query, sent or implied by a call: of several contents sent under one id, the one that
-- stands. An implied query whose call comes to imply none stays behind as withdrawn, so that its
-- readers let go of it.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}

{% set columns = llm_analytics.envelope_columns() + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'conversation_turn',
    'query_length',
    'query_kind',
    'is_clarification',
    'is_implied',
    'feature',
    'text_length',
    'text_word_count',
    'text_signature_1',
    'text_signature_2',
] %}

with

queries as (
    select * from {{ ref('stg_events__queries') }}
),

implied_queries as (
    select * from {{ ref('int_implied_queries') }}
),

{% if is_incremental() -%}
responses as (
    select * from {{ ref('int_responses') }}
),

existing as (
    select * from {{ this }}
),

{% endif -%}

{{ llm_analytics.latest_versions('queries', columns) }},

standing as (
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        false as is_withdrawn
    from latest_versions
    union all
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        false as is_withdrawn
    from implied_queries
    {%- if is_incremental() %}
    where {{ llm_analytics.is_unseen(ref('int_responses'), 'responses_seen_to') }}
    union all
    select
        {% for column in columns -%}
        existing.{{ column }},
        {% endfor -%}
        existing.has_conflict,
        true as is_withdrawn
    from existing
    inner join responses
        on existing.event_id = responses.event_id
    where
        existing.is_implied
        and not existing.is_withdrawn
        and not (responses.implies_query and coalesce(responses.query_id, '') = responses.event_id)
    {%- endif %}
),

final as (
    select
        {{ columns | join(',\n        ') }},
        is_withdrawn,
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        {{ llm_analytics.newest_change(ref('int_responses')) }} as responses_seen_to,
        {{ llm_analytics.stream_versions() }}
    from standing
)

select * from final
