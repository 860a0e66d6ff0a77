{# A query: conversations whose starter opens another one right after the end. #}
{% macro restarted_conversations(conversations) %}
    select distinct
        ended.source,
        ended.conversation_id
    from {{ conversations }} as ended
    inner join {{ conversations }} as later
        on
            ended.user_id = later.user_id
            and {{ llm_analytics.is_restart('ended.ended_at', 'later.started_at') }}
{%- endmacro %}

{#
    A query: what the rates of a conversation are made of. NULL stands for what a rate does not speak
    of.
#}
{% macro rated_conversations(conversations, restarted) %}
    select
        conversations.user_id,
        conversations.conversation_date as date_day,
        conversations.is_closed,
        case when conversations.is_closed then conversations.depth end as depth,
        case when conversations.is_closed then conversations.n_queries end as n_queries,
        conversations.is_closed
        and conversations.user_id is not null
        and {{ llm_analytics.is_restart_mature('conversations.ended_at') }} as is_restart_mature,
        restarted.conversation_id is not null as is_restarted
    from {{ conversations }} as conversations
    left join {{ restarted }} as restarted
        on
            conversations.source = restarted.source
            and conversations.conversation_id = restarted.conversation_id
{%- endmacro %}

{# What is summed of rated conversations: an SQL expression by column. #}
{% macro conversation_sums() %}
    {{ return({
        'n_conversations': 'count(*)',
        'n_closed': llm_analytics.count_if('is_closed'),
        'depth': llm_analytics.sum_integer('depth'),
        'n_restart_mature': llm_analytics.count_if('is_restart_mature'),
        'n_restarted': llm_analytics.count_if('is_restart_mature and is_restarted'),
    }) }}
{% endmacro %}
