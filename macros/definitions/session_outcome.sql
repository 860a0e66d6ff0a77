{#
    How it is known whether a session was completed: a goal event, else the lack of one where an
    exhaustive goal was tracked, else a human's label, else a judge's; NULL where nothing tells.
#}
{% macro outcome_basis(has_goal, is_goal_missed, is_reached_by_human, is_reached_by_judge) %}
    {{ return(adapter.dispatch('outcome_basis', 'llm_analytics')(
        has_goal, is_goal_missed, is_reached_by_human, is_reached_by_judge
    )) }}
{% endmacro %}

{% macro default__outcome_basis(
    has_goal, is_goal_missed, is_reached_by_human, is_reached_by_judge
) %}
    case
        when {{ has_goal }} then 'goal'
        when {{ is_goal_missed }} then 'exhaustive_goal'
        when {{ is_reached_by_human }} is not null then 'human'
        when {{ is_reached_by_judge }} is not null then 'judge'
    end
{% endmacro %}

{# Was the session completed, by the basis that decides? NULL is unknown, which is not a failure. #}
{% macro is_completed(outcome_basis, is_reached_by_human, is_reached_by_judge) %}
    {{ return(adapter.dispatch('is_completed', 'llm_analytics')(
        outcome_basis, is_reached_by_human, is_reached_by_judge
    )) }}
{% endmacro %}

{% macro default__is_completed(outcome_basis, is_reached_by_human, is_reached_by_judge) %}
    case {{ outcome_basis }}
        when 'goal' then true
        when 'exhaustive_goal' then false
        when 'human' then {{ is_reached_by_human }}
        when 'judge' then {{ is_reached_by_judge }}
    end
{% endmacro %}

{#
    Does a product event reach a goal? A goal that the event names decides; its own name only
    without one.
#}
{% macro is_goal_event(event, goal) %}
    {{ return(adapter.dispatch('is_goal_event', 'llm_analytics')(event, goal)) }}
{% endmacro %}

{% macro default__is_goal_event(event, goal) -%}
    (
        {{ event }}.goal = {{ goal }}.goal
        or ({{ event }}.goal is null and {{ event }}.name = {{ goal }}.event_name)
    )
{%- endmacro %}
