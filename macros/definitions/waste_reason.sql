{#
    What became of the money of a call, the first that holds: failed, filtered, truncated,
    superseded (another attempt became the answer), regenerated (the user asked for it again or
    edited the query), disliked (thumbs down) or useful.
#}
{% macro waste_reason(call, outcome) %}
    {{ return(adapter.dispatch('waste_reason', 'llm_analytics')(call, outcome)) }}
{% endmacro %}

{% macro default__waste_reason(call, outcome) %}
    case
        when not {{ call }}.is_success then 'failed'
        when {{ call }}.is_filtered then 'filtered'
        when {{ call }}.is_truncated then 'truncated'
        when
            {{ call }}.call_role = 'answer'
            and {{ call }}.response_event_id != {{ outcome }}.answer_id
            then 'superseded'
        when {{ outcome }}.next_refinement_rule = 'kind' then 'regenerated'
        when {{ outcome }}.thumbs = 'down' then 'disliked'
        else 'useful'
    end
{% endmacro %}
