-- One row per call: of several contents sent under one id, the one that stands. A call that is a
-- second record of another one names it in duplicate_of; the other has what any record of it knows.
-- A call that is withheld for want of consent is listed as withdrawn, so that readers let go of it.
{{ config(materialized='view') }}

{% set columns = llm_analytics.stream_columns('responses') %}
{% set shared = [
    'user_id', 'anonymous_id', 'account_id', 'app_id', 'environment', 'source_session_id',
    'conversation_id', 'is_conversation_inferred', 'trace_id', 'response_id', 'query_id',
    'implies_query', 'prompt_name', 'prompt_version', 'feature', 'logged_cost_usd', 'latency_ms',
    'client_latency_ms', 'time_to_first_token_ms',
] %}

with

{{ llm_analytics.standing_versions('responses', columns, lists_withheld=true) }},

{% if llm_analytics.has_other_calls() -%}
decisions as (
    select * from {{ ref('int_duplicate_calls') }}
    where event_id is not null
),

chains as (
    select * from {{ ref('int_chained_conversations') }}
),

decided as (
    select
        {% for column in columns -%}
        {% if column in shared -%}
        coalesce(decisions.{{ column }}, standing_versions.{{ column }}) as {{ column }},
        {% else -%}
        standing_versions.{{ column }},
        {% endif -%}
        {% endfor -%}
        decisions.duplicate_of,
        standing_versions.has_conflict,
        standing_versions.is_withheld as is_withdrawn,
        greatest(standing_versions.load_seq, coalesce(decisions.load_seq, 0)) as load_seq
    from standing_versions
    left join decisions
        on standing_versions.event_id = decisions.event_id
),

{# A chain of responses tells more than messages in common, and less than an id that was sent. #}
chained as (
    select
        {% for column in columns -%}
        {% if column == 'conversation_id' -%}
        case
            when decided.conversation_id is null or decided.is_conversation_inferred
                then coalesce(chains.conversation_id, decided.conversation_id)
            else decided.conversation_id
        end as conversation_id,
        {% elif column == 'is_conversation_inferred' -%}
        decided.is_conversation_inferred
        or (decided.conversation_id is null and chains.conversation_id is not null)
            as is_conversation_inferred,
        {% else -%}
        decided.{{ column }},
        {% endif -%}
        {% endfor -%}
        decided.duplicate_of,
        decided.has_conflict,
        decided.is_withdrawn,
        greatest(decided.load_seq, coalesce(chains.load_seq, 0)) as load_seq
    from decided
    left join chains
        on decided.response_id = chains.response_id
),
{%- else -%}
-- depends_on: {{ ref('int_duplicate_calls') }}, {{ ref('int_chained_conversations') }}
chained as (
    select
        {{ columns | join(',\n        ') }},
        cast(null as {{ dbt.type_string() }}) as duplicate_of,
        has_conflict,
        is_withheld as is_withdrawn,
        load_seq
    from standing_versions
),
{%- endif %}

final as (
    select
        {{ columns | join(',\n        ') }},
        {{ llm_analytics.thread_id('conversation_id', 'source_session_id', 'trace_id',
            'coalesce(user_id, anonymous_id)', 'event_id') }} as thread_id,
        duplicate_of,
        has_conflict,
        is_withdrawn,
        load_seq
    from chained
)

select * from final
