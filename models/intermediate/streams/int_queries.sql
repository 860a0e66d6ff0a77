-- One row per query, sent or implied by a call: of several contents sent under one id, the one that
-- stands. A trace that was sent as a query is withdrawn where its calls turn out to serve another;
-- so is a query that is withheld for want of consent.
{{ config(materialized='view') }}

{% set columns = llm_analytics.stream_columns('queries') %}

with

implied_queries as (
    select * from {{ ref('int_implied_queries') }}
),

{{ llm_analytics.standing_versions('queries', columns, lists_withheld=true) }},

{% if llm_analytics.has_other_calls() -%}
sent_queries as (
    select
        standing_versions.*,
        standing_versions.is_withheld
        or coalesce(decisions.query_id <> standing_versions.event_id, false) as is_withdrawn,
        greatest(standing_versions.load_seq, coalesce(decisions.load_seq, 0)) as newest_load_seq
    from standing_versions
    left join {{ ref('int_duplicate_calls') }} as decisions
        on standing_versions.event_id = decisions.replaced_query_id
),
{%- else -%}
sent_queries as (
    select
        *,
        is_withheld as is_withdrawn,
        load_seq as newest_load_seq
    from standing_versions
),
{%- endif %}

sent_and_implied as (
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        is_withdrawn,
        newest_load_seq as load_seq
    from sent_queries
    union all
    select
        {{ columns | join(',\n        ') }},
        has_conflict,
        is_withdrawn,
        load_seq
    from implied_queries
),

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        has_conflict,
        is_withdrawn,
        load_seq
    from sent_and_implied
)

select * from final
