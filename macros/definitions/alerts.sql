{#
    The standard error of a ratio of sums over the rows of users in a window, by how much the users
    differ: what one user does twenty times is not twenty observations (linearised ratio estimator,
    Cochran 1977, 6.11). Of one user alone nothing is known: the error is the ratio itself.
#}
{% macro clustered_error(numerator, denominator) -%}
    {%- set double = llm_analytics.type_double() %}
    {%- set ratio = llm_analytics.ratio('sum(' ~ numerator ~ ')', 'sum(' ~ denominator ~ ')') -%}
    {%- set n_users = 'count(nullif(' ~ denominator ~ ', 0))' -%}
    case
        when {{ n_users }} > 1
            then
                sqrt(
                    greatest(
                        cast(sum({{ numerator }} * {{ numerator }}) as {{ double }})
                        - 2 * {{ ratio }}
                        * cast(sum({{ numerator }} * {{ denominator }}) as {{ double }})
                        + {{ ratio }} * {{ ratio }}
                        * cast(sum({{ denominator }} * {{ denominator }}) as {{ double }}),
                        0
                    )
                    * cast({{ n_users }} as {{ double }}) / ({{ n_users }} - 1)
                )
                / cast(sum({{ denominator }}) as {{ double }})
        when {{ n_users }} = 1 then {{ ratio }}
    end
{%- endmacro %}

{#
    How many independent observations a share rests on: n, or as many as would have its standard
    error, if that is known and larger than that of n.
#}
{% macro effective_n(n, share, standard_error) -%}
    case
        when {{ standard_error }} > 0
            then
                greatest(
                    least(
                        cast({{ n }} as {{ llm_analytics.type_double() }}),
                        {{ share }} * (1 - {{ share }}) / ({{ standard_error }} * {{ standard_error }})
                    ),
                    1
                )
        else cast({{ n }} as {{ llm_analytics.type_double() }})
    end
{%- endmacro %}

{#
    How far a share of few observations strays from the expected one by chance, so many standard
    errors out in a direction. Small shares of few observations are skewed: the second term of the
    Cornish-Fisher expansion.
#}
{% macro share_margin(expected, direction, errors, n) -%}
    {%- set z = 'cast(' ~ errors ~ ' as ' ~ llm_analytics.type_double() ~ ')' -%}
    (
        {{ z }} * sqrt(greatest({{ expected }} * (1 - {{ expected }}), 0) / {{ n }})
        + case when {{ direction }} = 'above' then 1 else -1 end
        * ({{ z }} * {{ z }} - 1) * (1 - 2 * {{ expected }}) / (6 * {{ n }})
    )
{%- endmacro %}

{#
    Where a robust rule begins to fire: so many spreads from the median of its history. The spread is
    that of the history, or what chance alone makes of so small a window, whichever is more. noise is
    proportion, mean (on a scale of ratios: such sums have long tails), count or none (then a tenth
    of the median).
#}
{% macro robust_limit(noise, direction, errors, median, expected, deviation, n, relative_error) %}
    {{ return(adapter.dispatch('robust_limit', 'llm_analytics')(
        noise, direction, errors, median, expected, deviation, n, relative_error
    )) }}
{% endmacro %}

{% macro default__robust_limit(
    noise, direction, errors, median, expected, deviation, n, relative_error
) %}
    {%- set z = 'cast(' ~ errors ~ ' as ' ~ llm_analytics.type_double() ~ ')' -%}
    {%- set spread = 'cast(1.4826 as ' ~ llm_analytics.type_double() ~ ') * ' ~ deviation -%}
    {%- set sign = "case when " ~ direction ~ " = 'above' then 1 else -1 end" -%}
    case
        when {{ noise }} = 'mean' and {{ median }} > 0
            then
                {{ median }} * exp(
                    {{ sign }} * {{ z }}
                    * greatest({{ spread }} / {{ median }}, coalesce({{ relative_error }}, 0), 0.1)
                )
        else
            {{ median }}
            + {{ sign }}
            * greatest(
                {{ z }} * {{ spread }},
                case {{ noise }}
                    when 'proportion'
                        then {{ llm_analytics.share_margin(expected, direction, errors, n) }}
                    when 'count' then {{ z }} * sqrt(greatest({{ median }}, 0))
                    else {{ z }} * abs({{ median }}) / 10
                end
            )
    end
{% endmacro %}

{#
    Where a static rule begins to fire: at its threshold, for a share four standard errors of so
    small a window further.
#}
{% macro static_limit(threshold, direction, noise, n) -%}
    {%- set share = 'cast(' ~ threshold ~ ' as ' ~ llm_analytics.type_double() ~ ')' -%}
    (
        {{ share }}
        + case when {{ direction }} = 'above' then 1 else -1 end
        * case
            when {{ noise }} = 'proportion'
                then {{ llm_analytics.share_margin(share, direction, 4, n) }}
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
