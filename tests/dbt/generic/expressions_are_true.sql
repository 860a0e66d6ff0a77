{# Each expression holds on every row on which it is not NULL; all of them in one scan. #}
{% test expressions_are_true(model, expressions) %}
with

counted as (
    select
        {%- for expression in expressions %}
        count(case when not ({{ expression }}) then 1 end) as n_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
)

{% for expression in expressions %}
select '{{ expression | replace("'", "''") }}' as expression, n_{{ loop.index }} as n_rows
from counted
where n_{{ loop.index }} > 0
{{ 'union all' if not loop.last }}
{% endfor %}
{% endtest %}
