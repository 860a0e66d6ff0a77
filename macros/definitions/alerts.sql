{#
    How far a metric strays by itself: its robust spread, or what sampling alone makes of so small a
    window, whichever is more. noise is proportion, count or none (then a tenth of the median).
#}
{% macro alert_spread(noise, median, deviation, n) %}
    {{ return(adapter.dispatch('alert_spread', 'llm_analytics')(noise, median, deviation, n)) }}
{% endmacro %}

{% macro default__alert_spread(noise, median, deviation, n) %}
    {%- set none_negative = 'greatest(' ~ median ~ ' * (1 - ' ~ median ~ '), 0)' -%}
    greatest(
        cast('1.4826' as double precision) * {{ deviation }},
        case {{ noise }}
            when 'proportion'
                then sqrt({{ none_negative }} / cast({{ n }} as double precision))
            when 'count' then sqrt(greatest({{ median }}, 0))
            else abs({{ median }}) / 10
        end
    )
{% endmacro %}

{#
    Where a static rule begins to fire: at its threshold, for a proportion three standard errors of so
    small a window further.
#}
{% macro static_limit(threshold, direction, noise, n) -%}
    {%- set share = 'cast(' ~ threshold ~ ' as double precision)' -%}
    (
        {{ share }}
        + case when {{ direction }} = 'above' then 3 else -3 end
        * case
            when {{ noise }} = 'proportion'
                then sqrt({{ share }} * (1 - {{ share }}) / cast({{ n }} as double precision))
            else 0
        end
    )
{%- endmacro %}

{# Is a value beyond its limit in the bad direction? An SQL condition. #}
{% macro is_beyond(metric_value, direction, bound) -%}
    (
        ({{ direction }} = 'above' and {{ metric_value }} > {{ bound }})
        or ({{ direction }} = 'below' and {{ metric_value }} < {{ bound }})
    )
{%- endmacro %}
