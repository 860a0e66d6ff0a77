{# Does a choice refuse analytics? #}
{% macro is_refusal(consent) %}
    {{ return(adapter.dispatch('is_refusal', 'llm_analytics')(consent)) }}
{% endmacro %}

{% macro default__is_refusal(consent) -%}
    {{ consent }} in ('opt_out', 'erasure')
{%- endmacro %}

{#
    The order of choices that were made under one id, the earliest first. Of several at one instant
    that the sender did not number a refusal stands.
#}
{% macro choice_order(choices) -%}
    {{ choices }}.occurred_at,
    coalesce({{ choices }}.sequence_number, 0),
    case when {{ llm_analytics.is_refusal(choices ~ '.consent') }} then 1 else 0 end,
    {{ llm_analytics.text_order(choices ~ '.event_id') }}
{%- endmacro %}

{#
    CTEs that end in `choices`: one row per choice about analytics, as it stands. A choice about
    something else (marketing, for example) says nothing here.
#}
{% macro standing_choices(read_to=none) -%}
{%- set columns = llm_analytics.envelope_columns() + ['consent', 'purpose'] -%}
{{ llm_analytics.standing_events('consents', columns, read_to) }},

choices as (
    select
        event_id,
        user_id as sent_user_id,
        consent,
        occurred_at,
        sequence_number
    from standing_events
    where coalesce(purpose, 'analytics') = 'analytics'
)
{%- endmacro %}

{# The streams whose events are about somebody, so that consent may be asked for. #}
{% macro personal_streams() %}
    {{ return([
        'queries', 'responses', 'feedback', 'product_events', 'exposures', 'evaluations',
        'user_traits',
    ]) }}
{% endmacro %}

{#
    What the privacy policy says about consent: `opt_out`, the effect of a refusal, and `streams`,
    what each needs. Read when compiled, since a policy that asks for nothing must cost nothing; a
    changed one is another definition of zone A. A unit test says so itself.
#}
{% macro consent_policy() %}
    {%- set policy = {'opt_out': 'all_history', 'streams': {}} -%}
    {%- set named = {} -%}
    {%- if execute and model.resource_type != 'unit_test' -%}
        {%- set seed = graph.nodes['seed.llm_analytics.privacy_policy'] -%}
        {%- set table = adapter.get_relation(
            seed.database or target.database, seed.schema, seed.alias
        ) -%}
        {%- if table is not none -%}
            {%- for row in run_query(
                "select rule, stream, value from " ~ table ~ " where rule in ('consent', 'opt_out')"
            ).rows -%}
                {%- if row[0] == 'opt_out' -%}
                    {%- do policy.update({'opt_out': row[2]}) -%}
                {%- else -%}
                    {%- do named.update({row[1]: row[2]}) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {%- for stream in llm_analytics.personal_streams() -%}
        {%- do policy['streams'].update({
            stream: named.get(stream, named.get('*', 'opt_out'))
        }) -%}
    {%- endfor -%}
    {{ return(policy) }}
{% endmacro %}

{#
    The streams of which events may be withheld, with what they need: those that need an agreement,
    and all where a refusal holds from its moment on. None by default: a refusal then leaves out the
    user as a whole (int_excluded_users).
#}
{% macro decided_streams() %}
    {%- set policy = llm_analytics.consent_policy() -%}
    {%- set decided = {} -%}
    {%- for stream, needed in policy['streams'].items()
        if needed == 'opt_in' or policy['opt_out'] == 'from_event' -%}
        {%- do decided.update({stream: needed}) -%}
    {%- endfor -%}
    {{ return(decided) }}
{% endmacro %}

{#
    The decisions on the events of a stream, one row per event that consent is about; none where the
    policy decides nothing about it. Parsed as a dependency all the same: what the policy says is
    known later.
#}
{% macro consent_decisions(stream) %}
    {%- if model.resource_type != 'unit_test' and not execute -%}
        {%- do ref('int_withheld_events') -%}
    {%- endif -%}
    {%- set decided = llm_analytics.decided_streams() -%}
    {#- Which name of a query stands depends on the calls that count. -#}
    {%- if stream in decided or (stream == 'queries' and 'responses' in decided) -%}
        {{ return(ref('int_withheld_events')) }}
    {%- endif -%}
    {{ return(none) }}
{% endmacro %}

{# Ids of the events of a stream that are withheld, an SQL subquery; none where nothing is decided. #}
{% macro withheld_ids(stream) %}
    {%- set decisions = llm_analytics.consent_decisions(stream) -%}
    {%- if decisions is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set ids -%}
        (
            select withheld.event_id
            from {{ decisions }} as withheld
            where withheld.stream = '{{ stream }}' and withheld.is_withheld
        )
    {%- endset -%}
    {{ return(ids) }}
{% endmacro %}
