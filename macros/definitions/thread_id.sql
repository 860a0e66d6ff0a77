{#
    The thread an event belongs to by its own ids: conversation, else session, else trace, else
    all that its user sends without any.
#}
{% macro thread_id(conversation_id, session_id, trace_id, user_id, event_id) %}
    coalesce(
        {{ conversation_id }},
        {{ session_id }},
        {{ trace_id }},
        'user:' || {{ user_id }},
        'event:' || {{ event_id }}
    )
{% endmacro %}
