{# Every value of the column is a value of another model's field; NULL may be. #}
{% test relationships_hold(model, column, to, field) %}
select referring.{{ column }}
from {{ model }} as referring
left join {{ to }} as referred
    on referring.{{ column }} = referred.{{ field }}
where
    referring.{{ column }} is not null
    and referred.{{ field }} is null
{% endtest %}
