{#
    Why a user is left out of user metrics: the seed, else a trait that says internal or bot;
    NULL counts the user.
#}
{% macro exclusion_reason(seed_reason, is_internal, is_bot) %}
    {{ return(adapter.dispatch('exclusion_reason', 'llm_analytics')(
        seed_reason, is_internal, is_bot
    )) }}
{% endmacro %}

{% macro default__exclusion_reason(seed_reason, is_internal, is_bot) %}
    case
        when {{ seed_reason }} is not null then {{ seed_reason }}
        when {{ is_internal }} then 'internal'
        when {{ is_bot }} then 'bot'
    end
{% endmacro %}

{# Does the text of a trait say yes? A condition: NULL without a text. #}
{% macro is_yes(value) -%}
    (lower({{ value }}) in ('true', 't', 'yes', 'y', '1'))
{%- endmacro %}
