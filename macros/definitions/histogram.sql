{#
    A positive integer with its first three digits, rounded half up: what is stored of it in a
    mergeable histogram is at most 0.5 % off.
#}
{% macro three_digits(value) -%}
    {%- set digits = 'length(cast(' ~ value ~ ' as ' ~ dbt.type_string() ~ '))' -%}
    {%- set step = 'cast(power(10, greatest(' ~ digits ~ ' - 3, 0)) as bigint)' -%}
    (
        {{ llm_analytics.whole_quotient(
            '(' ~ value ~ ' + ' ~ llm_analytics.whole_quotient(step, 2) ~ ')', step
        ) }} * {{ step }}
    )
{%- endmacro %}

{#
    A query: the nearest-rank quantile q of each group of a histogram, whose rows say how often a
    value occurs. Rows of finer histograms are merged.
#}
{% macro quantile_of_histogram(histogram, groups, value, count, q) %}
    {%- set group_list = groups | join(', ') -%}
    select
        {{ group_list }},
        min({{ value }}) as {{ value }}
    from (
        select
            {{ group_list }},
            {{ value }},
            sum(sum({{ count }})) over (
                partition by {{ group_list }}
                order by {{ value }}
            ) as n_up_to,
            sum(sum({{ count }})) over (partition by {{ group_list }}) as n_all
        from {{ histogram }}
        group by {{ group_list }}, {{ value }}
    ) as ranked
    where n_up_to >= {{ q }} * n_all
    group by {{ group_list }}
{%- endmacro %}
