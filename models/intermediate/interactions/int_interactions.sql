-- One row per interaction: a query, the calls that serve it and the feedback on its answer.
-- Whatever touches a thread recomputes the thread as a whole.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='thread_id') }}

with

all_queries as (
    select * from {{ ref('int_queries') }}
),

session_events as (
    select * from {{ ref('int_session_events') }}
),

response_matches as (
    select * from {{ ref('int_response_matches') }}
),

feedback_matches as (
    select * from {{ ref('int_feedback_matches') }}
),

{% if is_incremental() %}
existing as (
    select * from {{ this }}
),

unseen_query_ids as (
    select event_id
    from all_queries
    where {{ llm_analytics.is_unseen(ref('int_queries'), 'queries_seen_to') }}
    union
    select event_id
    from session_events
    where
        stream = 'query'
        and {{ llm_analytics.is_unseen(ref('int_session_events'), 'sessions_seen_to') }}
),

-- Threads of what changed, as it is now and as it was.
touched_threads as (
    select thread_id
    from all_queries
    where event_id in (select unseen_query_ids.event_id from unseen_query_ids)
    union
    select thread_id
    from existing
    where interaction_id in (select unseen_query_ids.event_id from unseen_query_ids)
    union
    -- A query that has lost its user leaves no row in its former session.
    select existing.thread_id
    from existing
    inner join all_queries
        on existing.interaction_id = all_queries.event_id
    where
        existing.session_id is not null
        and coalesce(all_queries.user_id, all_queries.anonymous_id) is null
    union
    select thread_id
    from response_matches
    where {{ llm_analytics.is_unseen(ref('int_response_matches'), 'calls_seen_to') }}
    union
    select thread_id
    from feedback_matches
    where
        thread_id is not null
        and {{ llm_analytics.is_unseen(ref('int_feedback_matches'), 'feedback_seen_to') }}
),

-- Queries without any id of their own count their turns within the visit, which they share with
-- other threads where a user was known under several aliases. Those are read, not rewritten: a
-- change of a visit touches all its queries.
shared_visits as (
    select session_events.session_id
    from session_events
    inner join all_queries
        on session_events.event_id = all_queries.event_id
    where
        session_events.stream = 'query'
        and all_queries.thread_id in (select touched_threads.thread_id from touched_threads)
        and coalesce(
            all_queries.conversation_id, all_queries.source_session_id, all_queries.trace_id
        ) is null
),

visit_queries as (
    select event_id
    from session_events
    where
        stream = 'query'
        and session_id in (select shared_visits.session_id from shared_visits)
),
{% endif %}

standing_queries as (
    select * from all_queries
    where is_withdrawn is not true
),

queries as (
    select
        standing_queries.*,
        coalesce(
            session_events.user_id, standing_queries.user_id, standing_queries.anonymous_id
        ) as resolved_user_id,
        session_events.session_id,
        coalesce(
            standing_queries.conversation_id,
            standing_queries.source_session_id,
            standing_queries.trace_id,
            session_events.session_id,
            standing_queries.event_id
        ) as conversation_key
    from standing_queries
    left join session_events
        on
            standing_queries.event_id = session_events.event_id
            and session_events.stream = 'query'
    {%- if is_incremental() %}
    where
        standing_queries.thread_id in (select touched_threads.thread_id from touched_threads)
        or standing_queries.event_id in (select visit_queries.event_id from visit_queries)
    {%- endif %}
),

calls as (
    select * from response_matches
    where
        is_current
        {%- if is_incremental() %}
        and thread_id in (select touched_threads.thread_id from touched_threads)
        {%- endif %}
        and interaction_id is not null
),

feedback as (
    select * from feedback_matches
    where
        is_current
        {%- if is_incremental() %}
        and thread_id in (select touched_threads.thread_id from touched_threads)
        {%- endif %}
        and interaction_id is not null
),

call_totals as (
    select
        interaction_id,
        count(*) as n_calls,
        {{ llm_analytics.count_if("call_role = 'answer'") }} as n_attempts,
        {{ llm_analytics.count_if("call_role = 'answer' and not is_success") }}
            as n_failed_attempts,
        {{ llm_analytics.count_if("call_role = 'step'") }} as n_steps,
        {{ llm_analytics.sum_integer('input_tokens') }} as input_tokens,
        {{ llm_analytics.sum_integer('cache_read_tokens') }} as cache_read_tokens,
        {{ llm_analytics.sum_integer('cache_write_tokens') }} as cache_write_tokens,
        {{ llm_analytics.sum_integer('output_tokens') }} as output_tokens,
        {{ llm_analytics.sum_integer('reasoning_tokens') }} as reasoning_tokens,
        {{ llm_analytics.sum_integer('coalesce(input_tokens + output_tokens, tokens_used)') }}
            as total_tokens,
        {{ llm_analytics.count_if('cost_usd is null') }} as n_unpriced_calls,
        cast(sum(cost_usd) as decimal(24, 12)) as priced_cost_usd,
        cast(sum(cost_low_usd) as decimal(24, 12)) as priced_cost_low_usd,
        cast(sum(cost_high_usd) as decimal(24, 12)) as priced_cost_high_usd,
        cast(sum(logged_cost_usd) as decimal(24, 12)) as logged_cost_usd,
        count(distinct case when cost_basis <> 'unbilled' then cost_basis end) as n_cost_bases,
        min(case when cost_basis <> 'unbilled' then cost_basis end) as billed_cost_basis
    from calls
    group by interaction_id
),

-- The answer is the last successful call of role answer; without one, the last attempt speaks.
attempts as (
    select
        calls.*,
        row_number() over (
            partition by calls.interaction_id
            order by
                case when calls.is_success then 0 else 1 end,
                calls.occurred_at desc,
                coalesce(calls.sequence_number, 0) desc,
                {{ llm_analytics.text_order('calls.event_id') }} desc
        ) as recency
    from calls
    where calls.call_role = 'answer'
),

answers as (
    select * from attempts
    where recency = 1
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
    left join answers
        on feedback.interaction_id = answers.interaction_id
    where
        feedback.feedback_type in ('thumbs_up', 'thumbs_down', 'retracted')
        and (feedback.response_event_id is null or feedback.response_event_id = answers.event_id)
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

sequenced as (
    select
        queries.*,
        row_number() over turns as turn_number,
        lag(queries.occurred_at) over turns as previous_at,
        lag(queries.text_signature_1) over turns as previous_signature_1,
        lag(queries.text_signature_2) over turns as previous_signature_2
    from queries
    window turns as (
        partition by queries.conversation_key
        order by {{ llm_analytics.event_order(
            'queries.occurred_at', 'queries.sequence_number', event_id='queries.event_id'
        ) }}
    )
),

refined as (
    select
        sequenced.*,
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
),

joined as (
    select
        refined.event_id as interaction_id,
        refined.resolved_user_id as user_id,
        refined.session_id,
        refined.conversation_key as conversation_id,
        refined.thread_id,
        answers.event_id as answer_event_id,
        refined.account_id,
        refined.app_id,
        refined.environment,
        refined.platform,
        refined.app_version,
        refined.source,
        refined.query_kind as kind,
        refined.feature,
        refined.sequence_number,
        refined.turn_number,
        refined.query_length,
        refined.occurred_at as asked_at,
        case when answers.is_success then answers.occurred_at end as answered_at,
        {{ llm_analytics.add_seconds(
            'refined.occurred_at', llm_analytics.setting('answer_due_seconds')
        ) }} as answer_due_at,
        coalesce(answers.is_success, false) as is_answered,
        refined.is_implied,
        refined.has_conflict,
        refined.refinement_rule,
        refined.text_signature_1 is not null as is_signature_known,
        coalesce(call_totals.n_calls, 0) as n_calls,
        coalesce(call_totals.n_attempts, 0) as n_attempts,
        coalesce(call_totals.n_failed_attempts, 0) as n_failed_attempts,
        coalesce(call_totals.n_steps, 0) as n_steps,
        answers.provider,
        answers.model,
        answers.prompt_name,
        answers.prompt_version,
        call_totals.input_tokens,
        call_totals.cache_read_tokens,
        call_totals.cache_write_tokens,
        call_totals.output_tokens,
        call_totals.reasoning_tokens,
        call_totals.total_tokens,
        answers.output_tokens as answer_output_tokens,
        answers.response_length,
        case
            when answers.is_success and answers.latency_ms >= 0 then answers.latency_ms
        end as latency_ms,
        case
            when answers.is_success and answers.client_latency_ms >= 0
                then answers.client_latency_ms
        end as client_latency_ms,
        case
            when answers.is_success and answers.time_to_first_token_ms >= 0
                then answers.time_to_first_token_ms
        end as time_to_first_token_ms,
        coalesce(call_totals.n_unpriced_calls, 0) as n_unpriced_calls,
        call_totals.priced_cost_usd,
        call_totals.priced_cost_low_usd,
        call_totals.priced_cost_high_usd,
        call_totals.logged_cost_usd,
        call_totals.n_cost_bases,
        call_totals.billed_cost_basis,
        standing_thumbs.thumbs,
        coalesce(feedback_totals.n_copies, 0) as n_copies,
        coalesce(feedback_totals.n_shares, 0) as n_shares
    from refined
    left join call_totals
        on refined.event_id = call_totals.interaction_id
    left join answers
        on refined.event_id = answers.interaction_id
    left join standing_thumbs
        on
            refined.event_id = standing_thumbs.interaction_id
            and standing_thumbs.recency = 1
    left join feedback_totals
        on refined.event_id = feedback_totals.interaction_id
    {%- if is_incremental() %}
    where refined.thread_id in (select touched_threads.thread_id from touched_threads)
    {%- endif %}
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
            when n_cost_bases > 1 then 'mixed'
            else coalesce(billed_cost_basis, 'unbilled')
        end as cost_basis,
        false as is_removal,
        {{ llm_analytics.newest_change(ref('int_queries')) }} as queries_seen_to,
        {{ llm_analytics.newest_change(ref('int_session_events')) }} as sessions_seen_to,
        {{ llm_analytics.newest_change(ref('int_response_matches')) }} as calls_seen_to,
        {{ llm_analytics.newest_change(ref('int_feedback_matches')) }} as feedback_seen_to,
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
        null as queries_seen_to,
        null as sessions_seen_to,
        null as calls_seen_to,
        null as feedback_seen_to,
        null as changed_seq
    from touched_threads
    {% endif %}
)

select * from final
