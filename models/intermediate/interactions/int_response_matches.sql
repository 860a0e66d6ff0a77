-- One row per call of a model: the query it serves, by which rule, and what it cost.
-- A call that comes to serve another query leaves a row with is_current = false behind, so that the
-- interaction it left is recomputed too. A call that is a second record of another one
-- (duplicate_of) serves none and is not current; nor is one that came to be withheld.
{{ config(materialized='incremental', incremental_strategy='touched', unique_key='event_id') }}
{{ llm_analytics.refuse_changed_definitions() }}
{% set consent_decisions = llm_analytics.consent_decisions('responses') %}

{# Texts are what this table costs: what nobody reads of a call is not written once more. #}
{% set unread_columns = ['event_version', 'user_id', 'anonymous_id'] %}
{% set call_columns = llm_analytics.envelope_columns() | reject('in', unread_columns) | list + [
    'source_session_id',
    'conversation_id',
    'trace_id',
    'response_id',
    'query_id',
    'parent_response_id',
    'call_role',
    'attempt_number',
    'response_length',
    'response_format',
    'citation_count',
    'request_model',
    'response_model',
    'model_version',
    'tokens_used',
    'token_convention',
    'latency_ms',
    'client_latency_ms',
    'time_to_first_token_ms',
    'status',
    'error_type',
    'finish_reason',
    'prompt_name',
    'prompt_version',
    'temperature',
    'tool_call_count',
    'tool_cost_usd',
    'logged_cost_usd',
    'feature',
    'duplicate_of',
    'has_conflict',
] %}
{% set token_columns = [
    'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens', 'reasoning_tokens',
] %}
{% set result_columns = call_columns + token_columns + [
    'is_success', 'sent_provider', 'sent_alias_id', 'resolved_user_id', 'interaction_id',
    'match_rule', 'provider', 'model', 'priced_model', 'price_fingerprint',
    'cost_basis', 'cost_usd', 'cost_low_usd', 'cost_high_usd',
] %}

with

identities as (
    select * from {{ ref('int_identities') }}
),

prices as (
    select * from {{ ref('int_prices_by_day') }}
),

{% if is_incremental() %}
unread_queries as {{ llm_analytics.planned_once() }} (
    select
        event_id,
        thread_id,
        trace_id
    from {{ ref('int_queries') }}
    where {{ llm_analytics.is_unread('load_seq') }}
),

-- Calls whose query, price or user may be another now.
touched as {{ llm_analytics.planned_once() }} (
    select event_id
    from {{ ref('int_responses') }}
    where
        {{ llm_analytics.is_unread('load_seq') }}
        or thread_id in (select unread_queries.thread_id from unread_queries)
        or query_id in (select unread_queries.event_id from unread_queries)
        or trace_id in (select unread_queries.trace_id from unread_queries)
    union
    select event_id
    from {{ this }}
    where
        is_current
        and interaction_id in (select unread_queries.event_id from unread_queries)
    union
    select kept.event_id
    from {{ this }} as kept
    left join identities
        on coalesce(kept.sent_alias_id, kept.resolved_user_id) = identities.alias_id
    where
        (kept.is_current or kept.duplicate_of is not null)
        and kept.resolved_user_id
        <> coalesce(identities.user_id, kept.sent_alias_id, kept.resolved_user_id)
    union
    select kept.event_id
    from {{ this }} as kept
    inner join prices
        on
            coalesce(kept.sent_provider, '') = prices.sent_provider
            and {{ llm_analytics.sent_model('kept') }} = prices.sent_model
            and cast(kept.occurred_at as date) = prices.price_date
    where
        (kept.is_current or kept.duplicate_of is not null)
        and coalesce(kept.price_fingerprint, '') <> prices.price_fingerprint
),
{% endif %}

responses as {{ llm_analytics.materialized_if_incremental() }} (
    select * from {{ ref('int_responses') }}
    where is_withdrawn is not true
    {%- if is_incremental() %}
        and event_id in (select touched.event_id from touched)
    {%- endif %}
),

standing_queries as (
    select
        event_id,
        thread_id,
        trace_id,
        conversation_turn,
        user_id,
        anonymous_id,
        is_implied,
        occurred_at,
        sequence_number
    from {{ ref('int_queries') }}
    where is_withdrawn is not true
),

-- Queries that one of these calls may serve.
queries as {{ llm_analytics.materialized_if_incremental() }} (
    select * from standing_queries
    {%- if is_incremental() %}
    where
        event_id in (select responses.query_id from responses)
        or thread_id in (select responses.thread_id from responses)
        or trace_id in (select responses.trace_id from responses)
    {%- endif %}
),

-- Calls that name no query, and what tells theirs: narrow, for it is joined several times.
calls as (
    select
        event_id,
        thread_id,
        trace_id,
        conversation_turn,
        occurred_at,
        sequence_number
    from responses
    where
        query_id is null
        and duplicate_of is null
),

-- Candidates: a query of the call's trace, else one of its turn, or none.
{% set query_columns = [
    "calls.event_id",
    "queries.event_id as query_event_id",
    "coalesce(queries.user_id, queries.anonymous_id) as query_user_id",
    "case when queries.occurred_at <= calls.occurred_at then 0 else 1 end as is_later",
    "queries.occurred_at",
    "coalesce(queries.sequence_number, 0) as sequence_number",
    "calls.thread_id as call_thread_id",
    "calls.occurred_at as call_occurred_at",
    "calls.sequence_number as call_sequence_number",
] %}
candidates as {{ llm_analytics.planned_once() }} (
    select
        {{ query_columns | join(',\n        ') }},
        'trace_id' as match_rule,
        1 as rule_rank
    from calls
    inner join queries
        on calls.trace_id = queries.trace_id
    union all
    select
        {{ query_columns | join(',\n        ') }},
        'turn' as match_rule,
        2 as rule_rank
    from calls
    left join queries
        on
            calls.thread_id = queries.thread_id
            and calls.conversation_turn = queries.conversation_turn
),

contested as (
    select event_id
    from candidates
    group by event_id
    having count(*) > 1
),

-- Of several: the better rule, then the latest query not after the call, else the first after it.
{% set match_columns = [
    'event_id', 'query_event_id', 'query_user_id', 'match_rule',
] %}
ranked as (
    select
        {{ match_columns | join(',\n        ') }},
        row_number() over (
            partition by event_id
            order by
                case when query_event_id is null then 1 else 0 end,
                rule_rank,
                is_later,
                case when is_later = 0 then occurred_at end desc,
                case when is_later = 0 then sequence_number end desc,
                case
                    when is_later = 0 then {{ llm_analytics.text_order('query_event_id') }}
                end desc,
                occurred_at,
                sequence_number,
                {{ llm_analytics.text_order('query_event_id') }}
        ) as candidate_rank
    from candidates
    where event_id in (select contested.event_id from contested)
),

chosen as (
    select
        {{ match_columns | join(',\n        ') }}
    from candidates
    where
        query_event_id is not null
        and event_id not in (select contested.event_id from contested)
    union all
    select
        {{ match_columns | join(',\n        ') }}
    from ranked
    where candidate_rank = 1
),

-- No candidate: the latest query before the call in its thread.
unplaced as (
    select
        event_id,
        call_thread_id as thread_id,
        call_occurred_at as occurred_at,
        call_sequence_number as sequence_number
    from candidates
    where
        query_event_id is null
        and event_id not in (select contested.event_id from contested)
),

timeline as (
    select
        thread_id,
        event_id,
        event_id as query_event_id,
        coalesce(user_id, anonymous_id) as query_user_id,
        occurred_at,
        sequence_number,
        1 as stream_rank
    from queries
    where thread_id in (select unplaced.thread_id from unplaced)
    union all
    select
        thread_id,
        event_id,
        null as query_event_id,
        null as query_user_id,
        occurred_at,
        sequence_number,
        2 as stream_rank
    from unplaced
),

stretches as (
    select
        thread_id,
        event_id,
        query_event_id,
        query_user_id,
        count(query_event_id) over (
            partition by thread_id
            order by {{ llm_analytics.event_order(stream_rank='stream_rank') }}
            rows unbounded preceding
        ) as stretch
    from timeline
),

preceding_queries as (
    select
        placed.event_id,
        asked.query_event_id,
        asked.query_user_id,
        'order' as match_rule
    from stretches as placed
    inner join stretches as asked
        on
            placed.thread_id = asked.thread_id
            and placed.stretch = asked.stretch
            and asked.query_event_id is not null
    where placed.query_event_id is null
),

matched as (
    select
        {{ match_columns | join(',\n        ') }}
    from chosen
    union all
    select
        {{ match_columns | join(',\n        ') }}
    from preceding_queries
),

identified as (
    select
        responses.*,
        coalesce(named.event_id, matched.query_event_id) as interaction_id,
        case
            when responses.duplicate_of is not null then 'duplicate'
            when named.is_implied then 'implied'
            when named.event_id is not null then 'query_id'
            else coalesce(matched.match_rule, 'orphan')
        end as match_rule,
        coalesce(
            responses.user_id,
            responses.anonymous_id,
            named.user_id,
            named.anonymous_id,
            matched.query_user_id
        ) as sent_user_id,
        {{ llm_analytics.is_success('responses.status', 'responses.error_type') }} as is_success,
        {{ llm_analytics.inclusive_input_tokens('responses') }} as inclusive_input_tokens
    from responses
    left join queries as named
        -- Not a condition of its own: DuckDB would compare each call with each query.
        on case when responses.duplicate_of is null then responses.query_id end = named.event_id
    left join matched
        on responses.event_id = matched.event_id
),

priceable as (
    select
        {% for column in call_columns -%}
        identified.{{ column }},
        {% endfor -%}
        identified.inclusive_input_tokens as input_tokens,
        coalesce(identified.cache_read_tokens, 0) as cache_read_tokens,
        coalesce(identified.cache_write_tokens, 0) as cache_write_tokens,
        identified.output_tokens,
        identified.reasoning_tokens,
        identified.inclusive_input_tokens
        - coalesce(identified.cache_read_tokens, 0)
        - coalesce(identified.cache_write_tokens, 0) as uncached_input_tokens,
        identified.is_success,
        case when identities.user_id <> identified.sent_user_id then identified.sent_user_id end
            as sent_alias_id,
        coalesce(identities.user_id, identified.sent_user_id) as resolved_user_id,
        identified.interaction_id,
        identified.match_rule,
        identified.provider as sent_provider,
        coalesce(prices.provider, identified.provider) as provider,
        prices.model,
        prices.priced_model,
        prices.price_fingerprint,
        prices.input_usd_per_million,
        prices.cache_read_usd_per_million,
        prices.cache_write_usd_per_million,
        prices.output_usd_per_million
    from identified
    left join identities
        on identified.sent_user_id = identities.alias_id
    left join prices
        on
            coalesce(identified.provider, '') = prices.sent_provider
            and {{ llm_analytics.sent_model('identified') }} = prices.sent_model
            and cast(identified.occurred_at as date) = prices.price_date
),

based as (
    select
        priceable.*,
        {{ llm_analytics.cost_basis('priceable') }} as cost_basis
    from priceable
),

costed as {{ llm_analytics.planned_once() if is_incremental() }} (
    select
        based.*,
        cast(
            {{ llm_analytics.model_cost_usd('based', 'estimate') }}
            + coalesce(based.tool_cost_usd, 0)
            as decimal(24, 12)
        ) as cost_usd
    from based
),

-- Only an estimate has bounds; to work out three times what is known would cost as much again.
bounded as (
    select
        costed.*,
        case costed.cost_basis
            when 'estimated'
                then
                    cast(
                        {{ llm_analytics.model_cost_usd('costed', 'low') }}
                        + coalesce(costed.tool_cost_usd, 0)
                        as decimal(24, 12)
                    )
            else costed.cost_usd
        end as cost_low_usd,
        case costed.cost_basis
            when 'estimated'
                then
                    cast(
                        {{ llm_analytics.model_cost_usd('costed', 'high') }}
                        + coalesce(costed.tool_cost_usd, 0)
                        as decimal(24, 12)
                    )
            else costed.cost_usd
        end as cost_high_usd
    from costed
),

final as (
    select
        {{ result_columns | join(',\n        ') }},
        duplicate_of is null as is_current,
        {{ llm_analytics.loads_read_to() }} as loads_seen_to,
        cast({{ llm_analytics.definitions_fingerprint() }} as {{ dbt.type_bigint() }})
            as definitions_fingerprint,
        {{ llm_analytics.next_change() }} as changed_seq
    from bounded
    {% if is_incremental() %}
    union all
    select
        {% for column in result_columns -%}
        kept.{{ column }},
        {% endfor -%}
        false as is_current,
        kept.loads_seen_to,
        kept.definitions_fingerprint,
        case
            when kept.is_current then {{ llm_analytics.next_change() }}
            else kept.changed_seq
        end as changed_seq
    from {{ this }} as kept
    inner join costed
        on kept.event_id = costed.event_id
    where
        kept.interaction_id is not null
        and kept.interaction_id <> coalesce(costed.interaction_id, '')
    {%- if consent_decisions is not none %}
    union all
    select
        {% for column in result_columns -%}
        {{ 'cast(null as ' ~ dbt.type_string() ~ ') as ' if column == 'duplicate_of' else 'kept.' -}}
        {{ column }},
        {% endfor -%}
        false as is_current,
        kept.loads_seen_to,
        kept.definitions_fingerprint,
        case
            when kept.is_current or kept.duplicate_of is not null
                then {{ llm_analytics.next_change() }}
            else kept.changed_seq
        end as changed_seq
    from {{ this }} as kept
    inner join {{ ref('int_responses') }} as withdrawn
        on kept.event_id = withdrawn.event_id
    where
        withdrawn.is_withdrawn
        and kept.event_id in (select touched.event_id from touched)
    {%- endif %}
    {% endif %}
)

select * from final
