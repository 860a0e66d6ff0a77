{#
    How several records of one call are found (int_duplicate_calls). Each step looks at the calls
    that no step before it has suppressed, and names for each one that it suppresses the call that
    stands for it.
#}

{#
    Was any source loaded besides events that has calls? Without one, nothing can be recorded twice.
    A unit test says so itself.
#}
{% macro has_other_calls() %}
    {%- set found = [] -%}
    {%- if model.resource_type != 'unit_test' -%}
        {%- for source, streams in llm_analytics.source_streams().items()
            if 'responses' in streams and llm_analytics.is_source_enabled(source) -%}
            {%- do found.extend(llm_analytics.landed_tables('stg_' ~ source ~ '__responses')) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found | length > 0) }}
{% endmacro %}

{# CTEs calls_after_<step> and kept_by_<step>: calls that the step left, and for each the call kept. #}
{% macro after_step(step, rule, calls, kept) -%}
calls_after_{{ step }} as {{ llm_analytics.materialized() }} (
    select * from {{ calls }}
    where event_id not in (select found.event_id from {{ step }} as found)
),

kept_by_{{ step }} as {{ llm_analytics.materialized() }} (
    select
        kept.event_id,
        coalesce(found.kept_event_id, kept.kept_event_id) as kept_event_id,
        case
            when kept.duplicate_rule is not null then kept.duplicate_rule
            when found.event_id is not null then '{{ rule }}'
        end as duplicate_rule
    from {{ kept }} as kept
    left join {{ step }} as found
        on kept.kept_event_id = found.event_id
)
{%- endmacro %}

{#
    CTE <name>: the calls with their `island`, a number: calls with equal keys of which each began at
    most so many seconds after the one before share it.
#}
{% macro islands(name, calls, keys, seconds, where='true') -%}
{{ name }}_gaps as (
    select
        calls.*,
        case
            when {{ llm_analytics.microseconds_between(
                'lag(began_at) over (partition by ' ~ keys | join(', ') ~ ' order by began_at)',
                'began_at'
            ) }} <= {{ seconds * 1000000 }}
                then 0
            else 1
        end as is_gap
    from {{ calls }} as calls
    where {{ where }}
),

{{ name }} as (
    select
        gaps.*,
        sum(is_gap) over (
            partition by {{ keys | join(', ') }}
            order by began_at
            range between unbounded preceding and current row
        ) as island
    from {{ name }}_gaps as gaps
)
{%- endmacro %}

{# CTE <step>: of the calls with equal keys the best record is kept, whoever recorded them. #}
{% macro same_key(step, calls, keys, where) -%}
{{ step }}_ranked as (
    select
        calls.event_id,
        first_value(calls.event_id) over (
            partition by {{ keys | join(', ') }}
            order by {{ llm_analytics.record_preference('calls') | join(', ') }}
        ) as kept_event_id
    from {{ calls }} as calls
    where {{ where }}
),

{{ step }} as (
    select
        event_id,
        kept_event_id
    from {{ step }}_ranked
    where event_id <> kept_event_id
)
{%- endmacro %}

{#
    CTE <step>: calls with equal keys are one where several recorders have them at one time. The
    first call of one recorder goes with the first of another, the second with the second: two calls
    of one recorder are never one. Of those that go together, whatever starts while the first is
    running (may_overlap) or within the tolerance of its start is the same, unless two users are
    known.
#}
{% macro same_time(step, calls, keys, may_overlap=false) -%}
{%- set tolerance = llm_analytics.setting('duplicate_tolerance_seconds') -%}
{#- What overlaps may begin at any time; the rest in one island. -#}
{%- set moment = (keys if may_overlap else keys + ['island']) | join(', ') -%}
{%- set comparable -%}
    comparable_model is not null and inclusive_tokens > 0 and output_tokens > 0
    {%- for key in keys %} and {{ key }} is not null{% endfor -%}
{%- endset -%}
{{ llm_analytics.islands(step ~ '_islands', calls, keys, tolerance, comparable) }},

{{ step }}_places as (
    select
        islands.*,
        row_number() over (
            partition by {{ moment }}, recorder
            order by began_at, {{ llm_analytics.text_order('event_id') }}
        ) as place
    from {{ step }}_islands as islands
),

{{ step }}_firsts as (
    select
        places.*,
        min(began_at) over (
            partition by {{ moment }}, place
        ) as first_began_at,
        first_value(occurred_at) over (
            partition by {{ moment }}, place
            order by began_at, {{ llm_analytics.text_order('event_id') }}
        ) as first_ended_at
    from {{ step }}_places as places
),

{{ step }}_together as (
    select
        firsts.*,
        min({{ llm_analytics.text_order('user_id') }}) over (
            partition by {{ moment }}, place
        ) as least_user_id,
        max({{ llm_analytics.text_order('user_id') }}) over (
            partition by {{ moment }}, place
        ) as greatest_user_id
    from {{ step }}_firsts as firsts
    where
        {{ llm_analytics.microseconds_between('first_began_at', 'began_at') }}
        <= {{ tolerance }} * 1000000
        {%- if may_overlap %}
        or began_at <= first_ended_at
        {%- endif %}
),

{{ step }}_ranked as (
    select
        calls.event_id,
        first_value(calls.event_id) over (
            partition by {{ moment }}, place
            order by {{ llm_analytics.record_preference('calls') | join(', ') }}
        ) as kept_event_id
    from {{ step }}_together as calls
    where
        least_user_id is null
        or least_user_id = greatest_user_id
),

{{ step }} as (
    select
        event_id,
        kept_event_id
    from {{ step }}_ranked
    where event_id <> kept_event_id
)
{%- endmacro %}
