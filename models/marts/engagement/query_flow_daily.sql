-- One row per reporting date of the query: what came before it, and what followed its answer.
{% set rules = ['kind', 'label', 'similarity'] %}

with

interactions as (
    select * from {{ ref('fct_interactions') }}
),

conversations as (
    select * from {{ ref('fct_conversations') }}
),

sequenced as (
    select
        source,
        conversation_id,
        user_id,
        interaction_date as date_day,
        refinement_rule,
        is_signature_known,
        is_answered,
        asked_at,
        answered_at,
        lead(asked_at) over conversation as next_asked_at,
        lead(is_refinement) over conversation as is_next_refinement,
        lag(asked_at) over by_user as previous_asked_at,
        lag(conversation_id) over by_user as previous_conversation_id,
        lag(source) over by_user as previous_source
    from interactions
    window
        conversation as (
            partition by source, conversation_id
            order by turn_number
        ),
        by_user as (
            partition by user_id, case when user_id is null then interaction_id end
            order by {{ llm_analytics.event_order('asked_at', event_id='interaction_id') }}
        )
),

flagged as (
    select
        sequenced.date_day,
        sequenced.refinement_rule,
        sequenced.is_signature_known,
        sequenced.is_answered,
        sequenced.is_answered and conversations.is_closed as is_followable,
        {{ llm_analytics.is_followed('sequenced.answered_at', 'sequenced.next_asked_at') }}
            as is_followed,
        sequenced.is_next_refinement,
        {{ llm_analytics.is_followed('sequenced.previous_asked_at', 'sequenced.asked_at') }}
            as is_next_query,
        sequenced.conversation_id = sequenced.previous_conversation_id
        and sequenced.source = sequenced.previous_source as is_same_conversation
    from sequenced
    inner join conversations
        on
            sequenced.source = conversations.source
            and sequenced.conversation_id = conversations.conversation_id
),

{% set n_followed = llm_analytics.count_if('is_followable and is_followed') %}
{% set n_followed_up = llm_analytics.count_if(
    'is_followable and is_followed and not is_next_refinement'
) %}
{% set n_followable = llm_analytics.count_if('is_followable') %}
{% set n_next = llm_analytics.count_if('is_next_query') %}
{% set n_same = llm_analytics.count_if('is_next_query and is_same_conversation') %}
final as (
    select
        date_day,
        count(*) as n_queries,
        {{ llm_analytics.count_if('is_answered') }} as n_answered,

        -- refinements
        count(refinement_rule) as n_refinements,
        {% for rule in rules -%}
        {{ llm_analytics.count_if("refinement_rule = '" ~ rule ~ "'") }}
            as n_refinements_by_{{ rule }},
        {% endfor -%}
        {{ llm_analytics.count_if('is_signature_known') }} as n_with_signature,
        {{ llm_analytics.ratio('count(refinement_rule)', llm_analytics.count_if('is_answered')) }}
            as refinement_rate,

        -- follow-ups
        {{ n_followable }} as n_followable,
        {{ n_followed }} as n_followed,
        {{ n_followed_up }} as n_followed_up,
        {{ llm_analytics.ratio(n_followed, n_followable) }} as follow_up_rate,

        -- context
        {{ n_next }} as n_next_queries,
        {{ n_same }} as n_in_context,
        {{ llm_analytics.ratio(n_same, n_next) }} as context_retention
    from flagged
    group by date_day
)

select * from final
