-- One row per call that is a second record of another, or that stands for one, or whose reading may
-- depend on newer records; and the row `all`, which says up to which load the streams are read.
-- That row stands in the table that is built last of all that decides which records count, so that
-- no build of a part can mark a load as read before it was decided on. Rebuilt on each run; nothing
-- but that row where events are all there is.
{{ config(materialized='table') }}
{% set columns = llm_analytics.stream_columns('responses') %}
{# What a kept call takes from the other records of it where it lacks it. #}
{% set filled = {
    'user_id': dbt.type_string(),
    'anonymous_id': dbt.type_string(),
    'account_id': dbt.type_string(),
    'app_id': dbt.type_string(),
    'environment': dbt.type_string(),
    'source_session_id': dbt.type_string(),
    'trace_id': dbt.type_string(),
    'response_id': dbt.type_string(),
    'prompt_name': dbt.type_string(),
    'prompt_version': dbt.type_string(),
    'feature': dbt.type_string(),
    'logged_cost_usd': 'decimal(24, 12)',
    'latency_ms': dbt.type_bigint(),
    'client_latency_ms': dbt.type_bigint(),
    'time_to_first_token_ms': dbt.type_bigint(),
} %}
{% set read_to = llm_analytics.loads_consented_to() %}
{% set call_decisions = llm_analytics.consent_decisions('responses') %}
{% set query_decisions = llm_analytics.consent_decisions('queries') %}
-- depends_on: {{ ref('int_chained_conversations') }}, {{ ref('int_responses__unioned') }}
-- depends_on: {{ ref('int_spans__unioned') }}, {{ ref('int_queries__unioned') }}

with {{ 'recursive' if llm_analytics.has_other_calls() }}

{% if llm_analytics.has_other_calls() -%}
{{ llm_analytics.standing_versions('responses', columns, read_to) }},

spans as (
    select
        source,
        trace_id,
        span_id,
        parent_span_id,
        load_seq
    from {{ ref('int_spans__unioned') }}
    where load_seq <= {{ read_to }}
),

sent_queries as (
    select
        queries.event_id,
        {% if query_decisions is not none -%}
        max(greatest(queries.load_seq, coalesce(decisions.load_seq, 0))) as load_seq
        {%- else -%}
        max(queries.load_seq) as load_seq
        {%- endif %}
    from {{ ref('int_queries__unioned') }} as queries
    {%- if query_decisions is not none %}
    left join {{ query_decisions }} as decisions
        on
            queries.event_id = decisions.event_id
            and decisions.stream = 'queries'
    {%- endif %}
    where queries.load_seq <= {{ read_to }}
    group by queries.event_id
),

-- What may be compared, of every content that a call ever had: decisions can only change where one
-- of these changes.
compared as (
    select
        responses.event_id,
        coalesce(
            responses.trace_id, case when responses.implies_query then responses.query_id end
        ) as scope_key,
        responses.response_id,
        {{ llm_analytics.comparable_model(llm_analytics.sent_model('responses')) }}
            as comparable_model,
        {{ llm_analytics.inclusive_input_tokens('responses') }} as inclusive_tokens,
        responses.output_tokens,
        {{ llm_analytics.call_started_at('responses') }} as began_at,
        greatest(
            responses.load_seq,
            coalesce(sent_queries.load_seq, 0)
            {%- if call_decisions is not none %},
            coalesce(decisions.load_seq, 0)
            {%- endif %}
        ) as load_seq
    from {{ ref('int_responses__unioned') }} as responses
    left join sent_queries
        on responses.query_id = sent_queries.event_id
    {%- if call_decisions is not none %}
    left join {{ call_decisions }} as decisions
        on
            responses.event_id = decisions.event_id
            and decisions.stream = 'responses'
    {%- endif %}
    where responses.load_seq <= {{ read_to }}
),

{{ llm_analytics.islands(
    'compared_islands', 'compared', ['comparable_model', 'inclusive_tokens', 'output_tokens'],
    llm_analytics.setting('duplicate_tolerance_seconds')
) }},

-- A span that is no call may tell that one call stands in another.
touching_0 as (
    select
        event_id,
        scope_key,
        response_id,
        case
            when inclusive_tokens > 0 and output_tokens > 0
                then {{ llm_analytics.surrogate_key([
                    'comparable_model', 'inclusive_tokens', 'output_tokens', 'island',
                ]) }}
        end as moment_key,
        load_seq
    from compared_islands
    union all
    select
        'span:' || trace_id as event_id,
        trace_id as scope_key,
        null as response_id,
        null as moment_key,
        load_seq
    from spans
    where trace_id is not null
),

-- The newest load of all that may decide on a call: what shares its trace (or the query of a request
-- log), its response id or its moment, and what shares one of those with that. A decision passes on
-- to the kept call, back to all that it stands for, and to the other calls of their queries: in four
-- rounds at most.
{% set keys = ['scope_key', 'response_id', 'moment_key'] * 4 -%}
{% for key in keys -%}
touching_{{ loop.index }}_content as (
    select
        event_id,
        scope_key,
        response_id,
        moment_key,
        max(load_seq) over (partition by coalesce({{ key }}, 'call:' || event_id)) as load_seq
    from touching_{{ loop.index0 }}
),

touching_{{ loop.index }} as {{ llm_analytics.materialized() }} (
    select
        event_id,
        scope_key,
        response_id,
        moment_key,
        max(load_seq) over (partition by event_id) as load_seq
    from touching_{{ loop.index }}_content
),

{% endfor -%}
newest as (
    select
        event_id,
        max(load_seq) as load_seq
    from touching_{{ keys | length }}
    group by event_id
),

calls as {{ llm_analytics.materialized() }} (
    select
        responses.event_id,
        responses.source,
        responses.source || ':' || coalesce(responses.instrumentation, '') as recorder,
        responses.user_id,
        responses.anonymous_id,
        responses.conversation_id,
        responses.trace_id,
        responses.span_id,
        responses.parent_span_id,
        responses.response_id,
        {{ llm_analytics.comparable_model(llm_analytics.sent_model('responses')) }}
            as comparable_model,
        responses.input_tokens,
        {{ llm_analytics.inclusive_input_tokens('responses') }} as inclusive_tokens,
        responses.output_tokens,
        {{ llm_analytics.call_started_at('responses') }} as began_at,
        responses.occurred_at,
        row_number() over (
            partition by responses.source, responses.response_id
            order by
                responses.occurred_at desc,
                coalesce(responses.sequence_number, 0) desc,
                {{ llm_analytics.text_order('responses.event_id') }} desc
        ) as attempt_recency
    from standing_versions as responses
),

kept_at_first as (
    select
        event_id,
        event_id as kept_event_id,
        cast(null as {{ dbt.type_string() }}) as duplicate_rule
    from calls
),

-- A call in which another call with usage stands adds that one up: the inner ones are billable.
parents as (
    select
        trace_id,
        span_id,
        parent_span_id
    from calls
    where parent_span_id is not null
    union
    select
        trace_id,
        span_id,
        parent_span_id
    from spans
    where parent_span_id is not null
),

billable as (
    select
        event_id,
        trace_id,
        parent_span_id
    from calls
    where
        parent_span_id is not null
        and coalesce(input_tokens, 0) + coalesce(output_tokens, 0) > 0
),

{{ llm_analytics.reached(
    'enclosing', start='billable', kept=['event_id', 'trace_id'], node='span_id',
    edges='parents', edge_from='span_id', edge_to='parent_span_id', equal=['trace_id']
) }},

enclosed as (
    select
        outer_calls.event_id,
        enclosing.event_id as inner_event_id
    from enclosing
    inner join calls as outer_calls
        on
            enclosing.trace_id = outer_calls.trace_id
            and enclosing.span_id = outer_calls.span_id
    where outer_calls.event_id <> enclosing.event_id
),

innermost as (
    select
        enclosed.event_id,
        enclosed.inner_event_id,
        row_number() over (
            partition by enclosed.event_id
            order by
                calls.occurred_at desc, {{ llm_analytics.text_order('calls.event_id') }} desc
        ) as recency
    from enclosed
    inner join calls
        on enclosed.inner_event_id = calls.event_id
    where enclosed.inner_event_id not in (select others.event_id from enclosed as others)
),

nested as (
    select
        event_id,
        inner_event_id as kept_event_id
    from innermost
    where recency = 1
),

{{ llm_analytics.after_step('nested', 'nested', 'calls', 'kept_at_first') }},

{{ llm_analytics.same_key(
    'same_span', 'calls_after_nested', ['trace_id', 'span_id'],
    'trace_id is not null and span_id is not null'
) }},

{{ llm_analytics.after_step('same_span', 'span_id', 'calls_after_nested', 'kept_by_nested') }},

-- A cache answers with the id of the response that it kept: much later, that is a call of its own.
{{ llm_analytics.islands(
    'calls_by_response', 'calls_after_same_span', ['response_id'],
    llm_analytics.setting('response_replay_seconds')
) }},

-- Attempts of one response share its id in events: only the last of them can be that of others.
{{ llm_analytics.same_key(
    'same_response', 'calls_by_response', ['response_id', 'island'],
    "response_id is not null and (source <> 'events' or attempt_recency = 1)"
) }},

{{ llm_analytics.after_step(
    'same_response', 'response_id', 'calls_after_same_span', 'kept_by_same_span'
) }},

{{ llm_analytics.same_time(
    'same_trace', 'calls_after_same_response',
    ['trace_id', 'comparable_model', 'inclusive_tokens', 'output_tokens'], may_overlap=true
) }},

{{ llm_analytics.after_step(
    'same_trace', 'trace', 'calls_after_same_response', 'kept_by_same_response'
) }},

{{ llm_analytics.same_time(
    'same_user', 'calls_after_same_trace',
    ['user_id', 'comparable_model', 'inclusive_tokens', 'output_tokens']
) }},

{{ llm_analytics.after_step(
    'same_user', 'inferred', 'calls_after_same_trace', 'kept_by_same_trace'
) }},

{{ llm_analytics.same_time(
    'same_moment', 'calls_after_same_user',
    ['comparable_model', 'inclusive_tokens', 'output_tokens']
) }},

{{ llm_analytics.after_step(
    'same_moment', 'inferred', 'calls_after_same_user', 'kept_by_same_user'
) }},

-- What the records of one call know together. Where a record names a query or a conversation, what
-- was only implied or inferred gives way.
known as (
    select
        kept.kept_event_id,
        {% for column in filled -%}
        min(
            {{ llm_analytics.text_order('responses.' ~ column)
                if filled[column] == dbt.type_string() else 'responses.' ~ column }}
        ) as {{ column }},
        {% endfor -%}
        min(case
            when not responses.is_conversation_inferred
                then {{ llm_analytics.text_order('responses.conversation_id') }}
        end) as sent_conversation_id,
        min({{ llm_analytics.text_order('responses.conversation_id') }}) as conversation_id
    from kept_by_same_moment as kept
    inner join standing_versions as responses
        on kept.event_id = responses.event_id
    group by kept.kept_event_id
    having count(*) > 1
),

-- The queries that the records of one call name: by the product (1), as a trace that was sent (2), or
-- implied by the calls alone (3). All but the first are other words for the best of them; a trace in
-- which several queries of the product were asked is none of them.
asked as {{ llm_analytics.materialized() }} (
    select
        kept.kept_event_id,
        responses.query_id,
        case
            when not responses.implies_query then 1
            when sent_queries.event_id is not null then 2
            else 3
        end as query_class,
        count(*) over (partition by responses.query_id) as n_calls
    from kept_by_same_moment as kept
    inner join standing_versions as responses
        on kept.event_id = responses.event_id
    left join sent_queries
        on responses.query_id = sent_queries.event_id
    where responses.query_id is not null
),

synonyms as (
    select distinct
        asked.query_id,
        others.query_id as other_query_id,
        others.query_class,
        others.n_calls
    from asked
    inner join asked as others
        on asked.kept_event_id = others.kept_event_id
    where asked.query_class > 1
),

ranked_synonyms as (
    select
        query_id,
        other_query_id,
        query_class,
        count(case when query_class = 1 then 1 end) over (partition by query_id) as n_named,
        row_number() over (
            partition by query_id
            order by
                query_class,
                n_calls desc,
                {{ llm_analytics.text_order('other_query_id') }}
        ) as synonym_rank
    from synonyms
),

best_synonyms as (
    select
        query_id,
        case when n_named > 1 then query_id else other_query_id end as best_query_id,
        n_named = 1 as is_named
    from ranked_synonyms
    where synonym_rank = 1
),

-- The query of each call that counts: one that the product names, else the best word for another.
ranked_queries as (
    select
        asked.kept_event_id,
        case
            when asked.query_class = 1 then asked.query_id
            else best_synonyms.best_query_id
        end as query_id,
        asked.query_class > 1 and not best_synonyms.is_named as implies_query,
        row_number() over (
            partition by asked.kept_event_id
            order by
                asked.query_class,
                asked.n_calls desc,
                {{ llm_analytics.text_order('asked.query_id') }}
        ) as query_rank
    from asked
    left join best_synonyms
        on asked.query_id = best_synonyms.query_id
),

decided as (
    select
        kept.event_id,
        case when kept.event_id <> kept.kept_event_id then kept.kept_event_id end as duplicate_of,
        kept.duplicate_rule,
        {% for column in filled -%}
        coalesce(responses.{{ column }}, known.{{ column }}) as {{ column }},
        {% endfor -%}
        case
            when responses.conversation_id is not null and not responses.is_conversation_inferred
                then responses.conversation_id
            else coalesce(
                known.sent_conversation_id, responses.conversation_id, known.conversation_id
            )
        end as conversation_id,
        known.kept_event_id is not null
        and (responses.conversation_id is null or responses.is_conversation_inferred)
        and known.sent_conversation_id is null
        and known.conversation_id is not null as is_conversation_inferred,
        queries.query_id,
        queries.implies_query,
        known.kept_event_id is not null as is_kept,
        newest.load_seq
    from kept_by_same_moment as kept
    inner join standing_versions as responses
        on kept.event_id = responses.event_id
    inner join newest
        on kept.event_id = newest.event_id
    left join known
        on kept.event_id = known.kept_event_id
    left join ranked_queries as queries
        on
            kept.event_id = queries.kept_event_id
            and queries.query_rank = 1
    where
        kept.event_id <> kept.kept_event_id
        or known.kept_event_id is not null
        or queries.query_id <> responses.query_id
        or newest.load_seq > responses.load_seq
),

decided_queries as (
    select
        responses.query_id,
        max(best_synonyms.best_query_id) as best_query_id,
        max(newest.load_seq) as load_seq
    from standing_versions as responses
    inner join newest
        on responses.event_id = newest.event_id
    inner join best_synonyms
        on responses.query_id = best_synonyms.query_id
    where responses.implies_query
    group by responses.query_id
),
{%- endif %}

final as (
    {% if llm_analytics.has_other_calls() -%}
    select
        'call:' || event_id as record_key,
        event_id,
        duplicate_of,
        duplicate_rule,
        is_kept,
        {% for column in filled -%}
        case when is_kept then {{ column }} end as {{ column }},
        {% endfor -%}
        case when is_kept then conversation_id end as conversation_id,
        case when is_kept then is_conversation_inferred end as is_conversation_inferred,
        query_id,
        implies_query,
        cast(null as {{ dbt.type_string() }}) as replaced_query_id,
        load_seq,
        cast(null as {{ dbt.type_bigint() }}) as loads_seen_to
    from decided
    union all
    select
        'query:' || query_id as record_key,
        cast(null as {{ dbt.type_string() }}) as event_id,
        cast(null as {{ dbt.type_string() }}) as duplicate_of,
        cast(null as {{ dbt.type_string() }}) as duplicate_rule,
        false as is_kept,
        {% for column, type in filled.items() -%}
        cast(null as {{ type }}) as {{ column }},
        {% endfor -%}
        cast(null as {{ dbt.type_string() }}) as conversation_id,
        cast(null as {{ dbt.type_boolean() }}) as is_conversation_inferred,
        best_query_id as query_id,
        cast(null as {{ dbt.type_boolean() }}) as implies_query,
        query_id as replaced_query_id,
        load_seq,
        cast(null as {{ dbt.type_bigint() }}) as loads_seen_to
    from decided_queries
    union all
    {% endif -%}
    select
        'all' as record_key,
        cast(null as {{ dbt.type_string() }}) as event_id,
        cast(null as {{ dbt.type_string() }}) as duplicate_of,
        cast(null as {{ dbt.type_string() }}) as duplicate_rule,
        false as is_kept,
        {% for column, type in filled.items() -%}
        cast(null as {{ type }}) as {{ column }},
        {% endfor -%}
        cast(null as {{ dbt.type_string() }}) as conversation_id,
        cast(null as {{ dbt.type_boolean() }}) as is_conversation_inferred,
        cast(null as {{ dbt.type_string() }}) as query_id,
        cast(null as {{ dbt.type_boolean() }}) as implies_query,
        cast(null as {{ dbt.type_string() }}) as replaced_query_id,
        cast(null as {{ dbt.type_bigint() }}) as load_seq,
        {{ read_to }} as loads_seen_to
)

select * from final
