-- One row per event that consent decides on: may it count? And the row without an event, which says
-- up to which load this is known: no build of a part can mark a load as read before it was decided
-- on. Rebuilt on each run; nothing but that row where the policy asks for no consent.
-- Its load_seq is the newest of all records that may decide on the event: choices, identities, and
-- the events that tell whose it is; in any content that they ever had.
{{ config(materialized='table') }}
{% set decided = llm_analytics.decided_streams() %}
{% set read_to = llm_analytics.loads_recorded_to() %}
{# What an event that names nobody has in common with one that does: the column, by stream. #}
{% set links = ['conversation_id', 'source_session_id', 'trace_id', 'query_id', 'answer_id'] %}
{% set threads = {
    'conversation_id': 'conversation_id',
    'source_session_id': 'source_session_id',
    'trace_id': 'trace_id',
} %}
{% set own_links = {
    'queries': dict(threads, query_id='event_id'),
    'responses': dict(
        threads, query_id='query_id', answer_id='coalesce(response_id, event_id)'
    ),
    'feedback': dict(threads, query_id='query_id', answer_id='response_id'),
    'product_events': threads,
    'exposures': threads,
    'evaluations': dict(threads, answer_id='response_id'),
    'user_traits': {},
} %}
-- depends_on: {{ ref('int_consent_intervals') }}, {{ ref('int_consents__unioned') }}
-- depends_on: {{ ref('int_identities__unioned') }}
{%- for stream in own_links %}
-- depends_on: {{ ref('int_' ~ stream ~ '__unioned') }}
{%- endfor %}

with

{% if decided -%}
consent_intervals as (
    select * from {{ ref('int_consent_intervals') }}
),

{{ llm_analytics.standing_aliases(read_to) }},

-- Whose an id is, or was by a content that stands no more: it stopped to be by the newest record.
sent_claims as (
    select
        alias_id,
        user_id,
        max(load_seq) over (partition by event_id) as load_seq
    from {{ ref('int_identities__unioned') }}
    where load_seq <= {{ read_to }}
),

once_claimed as (
    select
        alias_id,
        user_id,
        max(load_seq) as load_seq
    from sent_claims
    where alias_id <> user_id
    group by alias_id, user_id
),

newest_claims as (
    select
        alias_id,
        max(load_seq) as load_seq
    from once_claimed
    group by alias_id
),

sent_choices as (
    select
        user_id as sent_user_id,
        max(load_seq) over (partition by event_id) as load_seq
    from {{ ref('int_consents__unioned') }}
    where load_seq <= {{ read_to }}
),

consents as (
    select
        sent_user_id,
        max(load_seq) as load_seq
    from sent_choices
    group by sent_user_id
),

-- Whom a choice is about, or was.
choosers as (
    select
        consents.sent_user_id as user_id,
        greatest(consents.load_seq, coalesce(newest_claims.load_seq, 0)) as load_seq
    from consents
    left join newest_claims
        on consents.sent_user_id = newest_claims.alias_id
    union all
    select
        once_claimed.user_id,
        greatest(consents.load_seq, newest_claims.load_seq) as load_seq
    from consents
    inner join once_claimed
        on consents.sent_user_id = once_claimed.alias_id
    inner join newest_claims
        on consents.sent_user_id = newest_claims.alias_id
),

known_ids as (
    select
        choosers.user_id as sent_user_id,
        greatest(choosers.load_seq, coalesce(newest_claims.load_seq, 0)) as load_seq
    from choosers
    left join newest_claims
        on choosers.user_id = newest_claims.alias_id
    union all
    select
        once_claimed.alias_id as sent_user_id,
        greatest(choosers.load_seq, newest_claims.load_seq) as load_seq
    from choosers
    inner join once_claimed
        on choosers.user_id = once_claimed.user_id
    inner join newest_claims
        on once_claimed.alias_id = newest_claims.alias_id
),

-- Ids under which a choice may decide on events.
touched_ids as (
    select
        sent_user_id,
        max(load_seq) as load_seq
    from known_ids
    group by sent_user_id
),

records as (
    {% for stream, own in own_links.items() -%}
    select
        '{{ stream }}' as stream,
        event_id,
        coalesce(user_id, anonymous_id{{ ', unit_id' if stream == 'exposures' }}) as sent_user_id,
        occurred_at,
        {% for link in links -%}
        {{ own.get(link, 'cast(null as ' ~ dbt.type_string() ~ ')') }} as {{ link }},
        {% endfor -%}
        load_seq
    from {{ ref('int_' ~ stream ~ '__unioned') }}
    where load_seq <= {{ read_to }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor -%}
),

-- What each record has in common with others, a row per link.
linked as {{ llm_analytics.materialized() }} (
    {% for link in links -%}
    select
        stream,
        event_id,
        sent_user_id,
        '{{ link }}' as link,
        {{ link }} as linked_id,
        load_seq
    from records
    where {{ link }} is not null
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor -%}
),

unnamed as (
    select
        stream,
        event_id,
        link,
        linked_id,
        load_seq
    from linked
    where sent_user_id is null
),

-- An event that names nobody is about whom its conversation, session, trace, query or answer names,
-- or, as the verdict on an answer, about whom that is about.
named_by_link as (
    select
        link,
        linked_id,
        sent_user_id,
        max(load_seq) as load_seq
    from linked
    where
        sent_user_id is not null
        and linked_id in (select unnamed.linked_id from unnamed)
    group by link, linked_id, sent_user_id
),

named_at_once as (
    select
        unnamed.stream,
        unnamed.event_id,
        named_by_link.sent_user_id,
        max(named_by_link.load_seq) as load_seq
    from unnamed
    inner join named_by_link
        on
            unnamed.link = named_by_link.link
            and unnamed.linked_id = named_by_link.linked_id
    group by unnamed.stream, unnamed.event_id, named_by_link.sent_user_id
),

passed_by_link as (
    select
        unnamed.link,
        unnamed.linked_id,
        named_at_once.sent_user_id,
        max(greatest(unnamed.load_seq, named_at_once.load_seq)) as load_seq
    from unnamed
    inner join named_at_once
        on
            unnamed.stream = named_at_once.stream
            and unnamed.event_id = named_at_once.event_id
    group by unnamed.link, unnamed.linked_id, named_at_once.sent_user_id
),

named as (
    select
        unnamed.stream,
        unnamed.event_id,
        passed_by_link.sent_user_id,
        max(passed_by_link.load_seq) as load_seq
    from unnamed
    inner join passed_by_link
        on
            unnamed.link = passed_by_link.link
            and unnamed.linked_id = passed_by_link.linked_id
    group by unnamed.stream, unnamed.event_id, passed_by_link.sent_user_id
),

-- Who is meant by each content of an event.
concerned as (
    select
        stream,
        event_id,
        occurred_at,
        sent_user_id as own_user_id,
        sent_user_id,
        load_seq
    from records
    where sent_user_id is not null
    union all
    select
        records.stream,
        records.event_id,
        records.occurred_at,
        records.sent_user_id as own_user_id,
        named.sent_user_id,
        greatest(records.load_seq, coalesce(named.load_seq, 0)) as load_seq
    from records
    left join named
        on
            records.stream = named.stream
            and records.event_id = named.event_id
    where records.sent_user_id is null
),

{% set asked = [] -%}
{% set told = [] -%}
{% for stream, needed in decided.items() -%}
{% do (asked if needed == 'opt_in' else told).append("'" ~ stream ~ "'") -%}
{% endfor -%}
-- A content counts where nobody whom it is about refuses at its time and, if the policy asks for it,
-- somebody agreed.
contents as (
    select
        concerned.stream,
        concerned.event_id,
        concerned.occurred_at,
        max(case when not consent_intervals.is_granted then 1 else 0 end) as is_refused,
        max(case when consent_intervals.is_granted then 1 else 0 end) as is_granted,
        max(greatest(concerned.load_seq, coalesce(touched_ids.load_seq, 0))) as load_seq
    from concerned
    left join standing_aliases
        on concerned.sent_user_id = standing_aliases.alias_id
    left join touched_ids
        on concerned.sent_user_id = touched_ids.sent_user_id
    left join consent_intervals
        on
            coalesce(standing_aliases.user_id, concerned.sent_user_id) = consent_intervals.user_id
            and concerned.occurred_at >= consent_intervals.began_at
            and (
                consent_intervals.ended_at is null
                or concerned.occurred_at < consent_intervals.ended_at
            )
    where
        {% if asked -%}
        concerned.stream in ({{ asked | join(', ') }})
        {%- endif %}
        {% if told -%}
        {{ 'or ' if asked -}}
        (
            concerned.stream in ({{ told | join(', ') }})
            and touched_ids.sent_user_id is not null
        )
        {%- endif %}
    group by
        concerned.stream, concerned.event_id, concerned.occurred_at, concerned.own_user_id
),

-- An event that was sent with several contents counts if each of them may.
decisions as (
    select
        stream,
        event_id,
        max(
            case
                when is_refused = 1 then 1
                {% if asked -%}
                when stream in ({{ asked | join(', ') }}) and is_granted = 0 then 1
                {% endif -%}
                else 0
            end
        ) as n_refusals,
        min(occurred_at) as occurred_at,
        max(load_seq) as load_seq
    from contents
    group by stream, event_id
    {% if llm_analytics.has_other_calls() and 'responses' in decided -%}
    union all
    -- Which name of a query stands depends on the calls that count.
    select
        'queries' as stream,
        responses.query_id as event_id,
        0 as n_refusals,
        max(contents.occurred_at) as occurred_at,
        max(contents.load_seq) as load_seq
    from contents
    inner join {{ ref('int_responses__unioned') }} as responses
        on contents.event_id = responses.event_id
    where
        contents.stream = 'responses'
        and responses.query_id is not null
        and responses.load_seq <= {{ read_to }}
    group by responses.query_id
    {%- endif %}
),

{% endif -%}
final as (
    {% if decided -%}
    select
        stream,
        event_id,
        max(n_refusals) = 1 as is_withheld,
        min(occurred_at) as occurred_at,
        max(load_seq) as load_seq,
        cast(null as {{ dbt.type_bigint() }}) as loads_seen_to
    from decisions
    group by stream, event_id
    union all
    {% endif -%}
    select
        cast(null as {{ dbt.type_string() }}) as stream,
        cast(null as {{ dbt.type_string() }}) as event_id,
        false as is_withheld,
        cast(null as {{ dbt.type_timestamp() }}) as occurred_at,
        cast(null as {{ dbt.type_bigint() }}) as load_seq,
        {{ read_to }} as loads_seen_to
)

select * from final
