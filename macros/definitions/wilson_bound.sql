{#
    Lower or upper bound (side: low, high) of the 95 % score interval of a proportion; NULL
    without trials. Source: Wilson (1927), "Probable inference, the law of succession, and
    statistical inference".
#}
{% macro wilson_bound(successes, trials, side) %}
    {{ return(adapter.dispatch('wilson_bound', 'llm_analytics')(successes, trials, side)) }}
{% endmacro %}

{% macro default__wilson_bound(successes, trials, side) -%}
    {#- z as text, its square by the engine: decimals become floats differently on each. -#}
    {%- set double = llm_analytics.type_double() -%}
    {%- set z = "cast('1.959963984540054' as " ~ double ~ ")" -%}
    {%- set s = 'cast(' ~ successes ~ ' as ' ~ double ~ ')' -%}
    {%- set n = 'nullif(cast(' ~ trials ~ ' as ' ~ double ~ '), 0)' -%}
    case
        when {{ successes }} = {{ '0' if side == 'low' else trials }} and {{ trials }} > 0
            then cast({{ 0 if side == 'low' else 1 }} as {{ double }})
        else
            (
                {{ s }} + {{ z }} * {{ z }} / 2
                {{ '-' if side == 'low' else '+' }} {{ z }}
                * sqrt({{ s }} * ({{ n }} - {{ s }}) / {{ n }} + {{ z }} * {{ z }} / 4)
            ) / ({{ n }} + {{ z }} * {{ z }})
    end
{%- endmacro %}
