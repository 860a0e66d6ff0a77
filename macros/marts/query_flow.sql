{# A query: each query with the next one of its conversation, and the one before of its user. #}
{% macro sequenced_queries(interactions) %}
    {%- set conversation = 'partition by source, conversation_id order by turn_number' -%}
    {%- set by_user -%}
        partition by user_id, case when user_id is null then interaction_id end
        order by {{ llm_analytics.event_order('asked_at', event_id='interaction_id') }}
    {%- endset %}
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
        lead(asked_at) over ({{ conversation }}) as next_asked_at,
        lead(is_refinement) over ({{ conversation }}) as is_next_refinement,
        lag(asked_at) over ({{ by_user }}) as previous_asked_at,
        lag(conversation_id) over ({{ by_user }}) as previous_conversation_id,
        lag(source) over ({{ by_user }}) as previous_source
    from {{ interactions }}
{%- endmacro %}

{# A query: what each query is to the one before, and whether its answer is followed up. #}
{% macro query_flow(sequenced, conversations) %}
    select
        sequenced.user_id,
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
    from {{ sequenced }} as sequenced
    inner join {{ conversations }} as conversations
        on
            sequenced.source = conversations.source
            and sequenced.conversation_id = conversations.conversation_id
{%- endmacro %}

{# What is summed of the flow of queries: an SQL expression by column. #}
{% macro query_flow_sums() %}
    {{ return({
        'n_answered': llm_analytics.count_if('is_answered'),
        'n_refinements': 'count(refinement_rule)',
        'n_followable': llm_analytics.count_if('is_followable'),
        'n_followed': llm_analytics.count_if('is_followable and is_followed'),
        'n_next_queries': llm_analytics.count_if('is_next_query'),
        'n_in_context': llm_analytics.count_if('is_next_query and is_same_conversation'),
    }) }}
{% endmacro %}
