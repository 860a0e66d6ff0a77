-- One row per interaction: a query, the calls that serve it and the feedback on its answer.
-- Whatever touches a thread recomputes the thread as a whole.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='thread_id') }}
{{ llm_analytics.refuse_changed_definitions() }}

with

{% if is_incremental() %}
-- All queries, narrow: what tells which of them are touched.
known_queries as {{ llm_analytics.materialized() }} (
    select
        event_id,
        thread_id,
        load_seq,
        coalesce(user_id, anonymous_id) is null as is_without_user,
        coalesce(conversation_id, source_session_id, trace_id) is null as is_without_ids
    from {{ ref('int_queries') }}
),

-- Queries whose content, session, calls or feedback changed.
changed_query_ids as {{ llm_analytics.planned_once() }} (
    select event_id
    from known_queries
    where {{ llm_analytics.is_unread('load_seq') }}
    union
    select event_id
    from {{ ref('int_session_events') }}
    where
        stream = 'query'
        and {{ llm_analytics.is_unseen(ref('int_session_events'), 'sessions_seen_to') }}
    union
    select interaction_id as event_id
    from {{ ref('int_response_matches') }}
    where {{ llm_analytics.is_unseen(ref('int_response_matches'), 'calls_seen_to') }}
    union
    select interaction_id as event_id
    from {{ ref('int_feedback_matches') }}
    where {{ llm_analytics.is_unseen(ref('int_feedback_matches'), 'feedback_seen_to') }}
),

-- Few, so that an engine of several machines sends them to each instead of shuffling what is kept.
ownerless_queries as {{ llm_analytics.planned_once() }} (
    select event_id
    from known_queries
    where is_without_user
),

-- Threads of what changed, as it is now and as it was.
touched_threads as {{ llm_analytics.planned_once() }} (
    select thread_id
    from known_queries
    where event_id in (select changed_query_ids.event_id from changed_query_ids)
    union
    select thread_id
    from {{ this }}
    where interaction_id in (select changed_query_ids.event_id from changed_query_ids)
    union
    -- A query that has lost its user leaves no row in its former session.
    select kept.thread_id
    from {{ this }} as kept
    inner join ownerless_queries
        on kept.interaction_id = ownerless_queries.event_id
    where kept.session_id is not null
),

touched_queries as {{ llm_analytics.planned_once() }} (
    select
        event_id,
        is_without_ids
    from known_queries
    where thread_id in (select touched_threads.thread_id from touched_threads)
),

-- Queries without any id of their own count their turns within the visit, which they share with
-- other threads where a user was known under several aliases. Those are read, not rewritten: a
-- change of a visit touches all its queries.
shared_visits as {{ llm_analytics.planned_once() }} (
    select session_events.session_id
    from {{ ref('int_session_events') }} as session_events
    inner join touched_queries
        on session_events.event_id = touched_queries.event_id
    where
        session_events.stream = 'query'
        and touched_queries.is_without_ids
),

read_queries as {{ llm_analytics.planned_once() }} (
    select event_id from touched_queries
    union
    select event_id
    from {{ ref('int_session_events') }}
    where
        stream = 'query'
        and session_id in (select shared_visits.session_id from shared_visits)
),
{% endif %}

asked as {{ llm_analytics.materialized_if_incremental() }} (
    select * from {{ ref('int_queries') }}
    where is_withdrawn is not true
    {%- if is_incremental() %}
        and event_id in (select read_queries.event_id from read_queries)
    {%- endif %}
),

-- Narrowed before they are joined, for the same reason.
visits as {{ llm_analytics.not_materialized() }} (
    select
        event_id,
        user_id,
        session_id
    from {{ ref('int_session_events') }}
    where stream = 'query'
    {%- if is_incremental() %}
        and event_id in (select read_queries.event_id from read_queries)
    {%- endif %}
),

-- What tells the turn and the refinement of a query: narrow, for a window passes over it.
queries as {{ llm_analytics.not_materialized() }} (
    select
        asked.event_id,
        asked.thread_id,
        asked.occurred_at,
        asked.sequence_number,
        asked.query_kind,
        asked.is_clarification,
        asked.text_signature_1,
        asked.text_signature_2,
        coalesce(visits.user_id, asked.user_id, asked.anonymous_id) as resolved_user_id,
        visits.session_id,
        coalesce(
            asked.conversation_id,
            asked.source_session_id,
            asked.trace_id,
            visits.session_id,
            asked.event_id
        ) as conversation_key
    from asked
    left join visits
        on asked.event_id = visits.event_id
),

feedback as {{ llm_analytics.materialized_if_incremental() }} (
    select * from {{ ref('int_feedback_matches') }}
    where
        is_current
        {%- if is_incremental() %}
        and interaction_id in (select touched_queries.event_id from touched_queries)
        {%- endif %}
        and interaction_id is not null
),

-- Most interactions have one call, which is their total and their answer: only calls that share
-- their interaction with another are summed up and ranked.
{% set counts = {
    'n_attempts': "call_role = 'answer'",
    'n_failed_attempts': "call_role = 'answer' and not is_success",
    'n_steps': "call_role = 'step'",
    'n_unpriced_calls': 'cost_usd is null',
} %}
{% set token_sums = {
    'input_tokens': 'input_tokens',
    'cache_read_tokens': 'cache_read_tokens',
    'cache_write_tokens': 'cache_write_tokens',
    'output_tokens': 'output_tokens',
    'reasoning_tokens': 'reasoning_tokens',
    'total_tokens': 'coalesce(input_tokens + output_tokens, tokens_used)',
} %}
{% set usd_sums = {
    'priced_cost_usd': 'cost_usd',
    'priced_cost_low_usd': 'cost_low_usd',
    'priced_cost_high_usd': 'cost_high_usd',
    'logged_cost_usd': 'logged_cost_usd',
} %}
{% set billed_basis = "case when cost_basis <> 'unbilled' then cost_basis end" %}
{% set answer_columns = {
    'answer_event_id': 'event_id',
    'is_answered': 'is_success',
    'answered_at': 'occurred_at',
    'provider': 'provider',
    'model': 'model',
    'prompt_name': 'prompt_name',
    'prompt_version': 'prompt_version',
    'answer_output_tokens': 'output_tokens',
    'response_length': 'response_length',
    'latency_ms': 'latency_ms',
    'client_latency_ms': 'client_latency_ms',
    'time_to_first_token_ms': 'time_to_first_token_ms',
} %}

calls as {{ llm_analytics.materialized_if_incremental() }} (
    select * from {{ ref('int_response_matches') }}
    where
        is_current
        {%- if is_incremental() %}
        and interaction_id in (select touched_queries.event_id from touched_queries)
        {%- endif %}
        and interaction_id is not null
),

shared_interactions as (
    select interaction_id
    from calls
    group by interaction_id
    having count(*) > 1
),

lone_calls as {{ llm_analytics.not_materialized() }} (
    select
        interaction_id,
        1 as n_calls,
        {% for name, condition in counts.items() -%}
        case when {{ condition }} then 1 else 0 end as {{ name }},
        {% endfor -%}
        {% for name, tokens in token_sums.items() -%}
        {{ tokens }} as {{ name }},
        {% endfor -%}
        {% for name, amount in usd_sums.items() -%}
        {{ amount }} as {{ name }},
        {% endfor -%}
        {% for name, column in answer_columns.items() -%}
        case when call_role = 'answer' then {{ column }} end as {{ name }},
        {% endfor -%}
        {{ billed_basis }} as first_cost_basis,
        {{ billed_basis }} as last_cost_basis
    from calls
    where interaction_id not in (select shared.interaction_id from shared_interactions as shared)
),

shared_calls as {{ llm_analytics.not_materialized() }} (
    select *
    from calls
    where interaction_id in (select shared.interaction_id from shared_interactions as shared)
),

shared_totals as (
    select
        interaction_id,
        count(*) as n_calls,
        {% for name, condition in counts.items() -%}
        {{ llm_analytics.count_if(condition) }} as {{ name }},
        {% endfor -%}
        {% for name, tokens in token_sums.items() -%}
        {{ llm_analytics.sum_integer(tokens) }} as {{ name }},
        {% endfor -%}
        {% for name, amount in usd_sums.items() -%}
        cast(sum({{ amount }}) as decimal(24, 12)) as {{ name }},
        {% endfor -%}
        min({{ billed_basis }}) as first_cost_basis,
        max({{ billed_basis }}) as last_cost_basis
    from shared_calls
    group by interaction_id
),

-- The answer is the last successful call of role answer; without one, the last attempt speaks.
attempts as (
    select
        interaction_id,
        {% for name, column in answer_columns.items() -%}
        {{ column }} as {{ name }},
        {% endfor -%}
        row_number() over (
            partition by interaction_id
            order by
                case when is_success then 0 else 1 end,
                occurred_at desc,
                coalesce(sequence_number, 0) desc,
                {{ llm_analytics.text_order('event_id') }} desc
        ) as recency
    from shared_calls
    where call_role = 'answer'
),

{% set call_fact_columns = (
    ['interaction_id', 'n_calls'] + counts.keys() | list + token_sums.keys() | list
    + usd_sums.keys() | list + ['first_cost_basis', 'last_cost_basis']
) %}
call_facts as {{ llm_analytics.not_materialized() }} (
    select
        {{ (call_fact_columns + answer_columns.keys() | list) | join(',\n        ') }}
    from lone_calls
    union all
    select
        shared_totals.{{ call_fact_columns | join(',\n        shared_totals.') }},
        attempts.{{ answer_columns.keys() | join(',\n        attempts.') }}
    from shared_totals
    left join attempts
        on
            shared_totals.interaction_id = attempts.interaction_id
            and attempts.recency = 1
),

-- The last thumb of each user on the answer counts, unless it was taken back.
thumbs as (
    select
        feedback.interaction_id,
        feedback.resolved_user_id,
        feedback.feedback_type,
        feedback.occurred_at,
        feedback.sequence_number,
        feedback.event_id,
        row_number() over (
            partition by
                feedback.interaction_id,
                coalesce(feedback.resolved_user_id, feedback.event_id)
            order by
                feedback.occurred_at desc,
                coalesce(feedback.sequence_number, 0) desc,
                {{ llm_analytics.text_order('feedback.event_id') }} desc
        ) as recency
    from feedback
    left join call_facts
        on feedback.interaction_id = call_facts.interaction_id
    where
        feedback.feedback_type in ('thumbs_up', 'thumbs_down', 'retracted')
        and (
            feedback.response_event_id is null
            or feedback.response_event_id = call_facts.answer_event_id
        )
),

standing_thumbs as (
    select
        interaction_id,
        case when feedback_type = 'thumbs_up' then 'up' else 'down' end as thumbs,
        row_number() over (
            partition by interaction_id
            order by
                occurred_at desc,
                coalesce(sequence_number, 0) desc,
                {{ llm_analytics.text_order('event_id') }} desc
        ) as recency
    from thumbs
    where
        recency = 1
        and feedback_type <> 'retracted'
),

feedback_totals as (
    select
        interaction_id,
        {{ llm_analytics.count_if("feedback_type = 'copy'") }} as n_copies,
        {{ llm_analytics.count_if("feedback_type = 'share'") }} as n_shares
    from feedback
    group by interaction_id
),

{% set turns -%}
    partition by queries.conversation_key
    order by {{ llm_analytics.event_order(
        'queries.occurred_at', 'queries.sequence_number', event_id='queries.event_id'
    ) }}
{%- endset %}
sequenced as (
    select
        queries.*,
        row_number() over ({{ turns }}) as turn_number,
        lag(queries.occurred_at) over ({{ turns }}) as previous_at,
        lag(queries.text_signature_1) over ({{ turns }}) as previous_signature_1,
        lag(queries.text_signature_2) over ({{ turns }}) as previous_signature_2
    from queries
),

turns as (
    select
        event_id,
        resolved_user_id,
        session_id,
        conversation_key,
        turn_number,
        {{ llm_analytics.refinement_rule(
            'query_kind',
            'is_clarification',
            'previous_at',
            'occurred_at',
            llm_analytics.is_similar_text(
                'previous_signature_1', 'previous_signature_2', 'text_signature_1', 'text_signature_2'
            ),
        ) }} as refinement_rule
    from sequenced
    {%- if is_incremental() %}
    where thread_id in (select touched_threads.thread_id from touched_threads)
    {%- endif %}
),

joined as (
    select
        asked.event_id as interaction_id,
        turns.resolved_user_id as user_id,
        turns.session_id,
        turns.conversation_key as conversation_id,
        asked.thread_id,
        call_facts.answer_event_id,
        asked.account_id,
        asked.app_id,
        asked.environment,
        asked.platform,
        asked.app_version,
        asked.source,
        asked.query_kind as kind,
        asked.feature,
        asked.sequence_number,
        turns.turn_number,
        asked.query_length,
        asked.occurred_at as asked_at,
        case when call_facts.is_answered then call_facts.answered_at end as answered_at,
        {{ llm_analytics.add_seconds(
            'asked.occurred_at', llm_analytics.setting('answer_due_seconds')
        ) }} as answer_due_at,
        coalesce(call_facts.is_answered, false) as is_answered,
        asked.is_implied,
        asked.has_conflict,
        turns.refinement_rule,
        asked.text_signature_1 is not null as is_signature_known,
        coalesce(call_facts.n_calls, 0) as n_calls,
        coalesce(call_facts.n_attempts, 0) as n_attempts,
        coalesce(call_facts.n_failed_attempts, 0) as n_failed_attempts,
        coalesce(call_facts.n_steps, 0) as n_steps,
        call_facts.provider,
        call_facts.model,
        call_facts.prompt_name,
        call_facts.prompt_version,
        call_facts.input_tokens,
        call_facts.cache_read_tokens,
        call_facts.cache_write_tokens,
        call_facts.output_tokens,
        call_facts.reasoning_tokens,
        call_facts.total_tokens,
        call_facts.answer_output_tokens,
        call_facts.response_length,
        case
            when call_facts.is_answered and call_facts.latency_ms >= 0 then call_facts.latency_ms
        end as latency_ms,
        case
            when call_facts.is_answered and call_facts.client_latency_ms >= 0
                then call_facts.client_latency_ms
        end as client_latency_ms,
        case
            when call_facts.is_answered and call_facts.time_to_first_token_ms >= 0
                then call_facts.time_to_first_token_ms
        end as time_to_first_token_ms,
        coalesce(call_facts.n_unpriced_calls, 0) as n_unpriced_calls,
        call_facts.priced_cost_usd,
        call_facts.priced_cost_low_usd,
        call_facts.priced_cost_high_usd,
        call_facts.logged_cost_usd,
        call_facts.first_cost_basis,
        call_facts.last_cost_basis,
        standing_thumbs.thumbs,
        coalesce(feedback_totals.n_copies, 0) as n_copies,
        coalesce(feedback_totals.n_shares, 0) as n_shares
    from asked
    inner join turns
        on asked.event_id = turns.event_id
    left join call_facts
        on asked.event_id = call_facts.interaction_id
    left join standing_thumbs
        on
            asked.event_id = standing_thumbs.interaction_id
            and standing_thumbs.recency = 1
    left join feedback_totals
        on asked.event_id = feedback_totals.interaction_id
),

{% set stored_columns = [
    'interaction_id', 'user_id', 'session_id', 'conversation_id', 'thread_id', 'answer_event_id',
    'account_id', 'app_id', 'environment', 'platform', 'app_version', 'source', 'kind', 'feature',
    'sequence_number', 'turn_number', 'query_length', 'asked_at', 'answered_at', 'answer_due_at',
    'is_answered', 'is_implied', 'has_conflict', 'refinement_rule', 'is_signature_known',
    'n_calls', 'n_attempts', 'n_failed_attempts', 'n_steps',
    'provider', 'model', 'prompt_name', 'prompt_version',
    'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens', 'reasoning_tokens',
    'total_tokens', 'answer_output_tokens', 'response_length',
    'latency_ms', 'client_latency_ms', 'time_to_first_token_ms',
    'n_unpriced_calls', 'logged_cost_usd', 'thumbs', 'n_copies', 'n_shares',
] %}
final as (
    select
        {{ stored_columns | join(',\n        ') }},
        {{ llm_analytics.end_state('n_attempts', 'is_answered', 'thumbs', 'latency_ms') }}
            as end_state,
        cast(
            case when n_unpriced_calls = 0 then coalesce(priced_cost_usd, 0) end
            as decimal(24, 12)
        ) as cost_usd,
        cast(
            case when n_unpriced_calls = 0 then coalesce(priced_cost_low_usd, 0) end
            as decimal(24, 12)
        ) as cost_low_usd,
        cast(
            case when n_unpriced_calls = 0 then coalesce(priced_cost_high_usd, 0) end
            as decimal(24, 12)
        ) as cost_high_usd,
        case
            when n_calls = 0 then 'none'
            when first_cost_basis <> last_cost_basis then 'mixed'
            else coalesce(first_cost_basis, 'unbilled')
        end as cost_basis,
        false as is_removal,
        {{ llm_analytics.loads_read_to() }} as loads_seen_to,
        {{ llm_analytics.newest_change(ref('int_session_events')) }} as sessions_seen_to,
        {{ llm_analytics.newest_change(ref('int_response_matches')) }} as calls_seen_to,
        {{ llm_analytics.newest_change(ref('int_feedback_matches')) }} as feedback_seen_to,
        cast({{ llm_analytics.definitions_fingerprint() }} as {{ dbt.type_bigint() }})
            as definitions_fingerprint,
        {{ llm_analytics.next_change() }} as changed_seq
    from joined
    {% if is_incremental() %}
    union all
    select
        {% for column in stored_columns -%}
        {{ 'thread_id' if column == 'thread_id'
            else 'cast(null as decimal(24, 12)) as logged_cost_usd' if column == 'logged_cost_usd'
            else 'null as ' ~ column }},
        {% endfor -%}
        null as end_state,
        cast(null as decimal(24, 12)) as cost_usd,
        cast(null as decimal(24, 12)) as cost_low_usd,
        cast(null as decimal(24, 12)) as cost_high_usd,
        null as cost_basis,
        true as is_removal,
        null as loads_seen_to,
        null as sessions_seen_to,
        null as calls_seen_to,
        null as feedback_seen_to,
        null as definitions_fingerprint,
        null as changed_seq
    from touched_threads
    {% endif %}
)

select * from final
