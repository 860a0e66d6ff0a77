-- One row per response that continues another one or is continued: the conversation that they make,
-- named after the first response of it. Rebuilt on each run; empty where no call names a response
-- that it continues.
{{ config(materialized='table') }}
-- depends_on: {{ ref('int_responses__unioned') }}, {{ ref('int_repeated_events') }}

with recursive

-- In every content that a call ever had, so that what a former link made counts as touched.
calls as (
    {% if llm_analytics.has_other_calls() -%}
    select
        event_id,
        response_id,
        previous_response_id,
        max(load_seq) over (partition by event_id) as load_seq
    from {{ ref('int_responses__unioned') }}
    where
        load_seq <= {{ llm_analytics.loads_recorded_to() }}
        and response_id is not null
    {%- else -%}
    select
        cast(null as {{ dbt.type_string() }}) as event_id,
        cast(null as {{ dbt.type_string() }}) as response_id,
        cast(null as {{ dbt.type_string() }}) as previous_response_id,
        cast(null as {{ dbt.type_bigint() }}) as load_seq
    where false
    {%- endif %}
),

links as (
    select distinct
        response_id,
        previous_response_id
    from calls
    where previous_response_id is not null
),

{{ llm_analytics.reached(
    'reached', start='links', kept=['response_id'], node='ancestor_id',
    edges='links', edge_from='response_id', edge_to='previous_response_id'
) }},

-- The first response of a chain continues none, or one that nobody recorded.
rooted as (
    select
        response_id,
        ancestor_id as root_id
    from reached
    where ancestor_id not in (select links.response_id from links)
    union
    select
        previous_response_id as response_id,
        previous_response_id as root_id
    from links
    where previous_response_id not in (select continued.response_id from links as continued)
),

newest as (
    select
        rooted.root_id,
        max(calls.load_seq) as load_seq
    from rooted
    inner join calls
        on rooted.response_id = calls.response_id
    group by rooted.root_id
),

final as (
    select
        rooted.response_id,
        min({{ llm_analytics.text_order('rooted.root_id') }}) as conversation_id,
        max(newest.load_seq) as load_seq
    from rooted
    inner join newest
        on rooted.root_id = newest.root_id
    group by rooted.response_id
)

select * from final
