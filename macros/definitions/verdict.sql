{#
    What an evaluation is about: the response, else the conversation, else the session or trace, else
    nothing that another evaluation is about. #}
{% macro evaluated_thing(evaluation) -%}
    coalesce(
        'response:' || {{ evaluation }}.response_id,
        'conversation:' || {{ evaluation }}.conversation_id,
        'session:' || {{ evaluation }}.source_session_id,
        'trace:' || {{ evaluation }}.trace_id,
        'event:' || {{ evaluation }}.event_id
    )
{%- endmacro %}

{# Does a normalised score pass? #}
{% macro is_passed(score) %}
    {{ return(adapter.dispatch('is_passed', 'llm_analytics')(score)) }}
{% endmacro %}

{% macro default__is_passed(score) -%}
    {{ score }} >= {{ llm_analytics.setting('pass_score') }}
{%- endmacro %}

{# What an evaluator says in one word: the label, else whether the score passes. #}
{% macro verdict(score, label) -%}
    coalesce(
        {{ label }},
        case when {{ llm_analytics.is_passed(score) }} then 'passed'
            when {{ score }} is not null then 'failed'
        end
    )
{%- endmacro %}
